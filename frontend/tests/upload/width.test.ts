import { expect, test } from "vitest";
import { NetworkError, PartError } from "../../src/upload/errors";
import { HostPool } from "../../src/upload/slots";
import { Width } from "../../src/upload/width";
import { HandClock, settled } from "../fakes/clock";

const MIB = 1024 * 1024;

/** Parts of 16 MiB over a line that takes `full` of them at once before it is no faster for more. */
async function send(width: Width, clock: HandClock, parts: number, full: number): Promise<number[]> {
  const widths: number[] = [];
  for (let part = 0; part < parts; part++) {
    width.began();
    await clock.advance(1000 / Math.min(width.now, full));
    width.arrived(16 * MIB);
    widths.push(width.now);
  }
  return widths;
}

test("it begins small and grows with every part that begins to move", async () => {
  const clock = new HandClock();
  const width = new Width(6, clock);
  expect(width.now).toBe(2);
  expect(await send(width, clock, 6, 6)).toEqual([3, 4, 5, 6, 6, 6]);
});

test("parts that wait for their first bytes make it no wider", () => {
  const width = new Width(6, new HandClock());
  for (let part = 0; part < 10; part++) width.arrived(MIB);
  expect(width.now).toBe(2);
});

test("there are never more than the setting says", async () => {
  const clock = new HandClock();
  for (const most of [1, 2, 3]) {
    const width = new Width(most, clock);
    expect(Math.max(...(await send(width, clock, 50, 100)))).toBe(most);
  }
});

test("when S3 pushes back there are half as many, but one at least", () => {
  const width = new Width(6, new HandClock());
  for (let part = 0; part < 10; part++) width.began();
  const widths = [0, 1, 2, 3].map(() => {
    width.pushedBack();
    return width.now;
  });
  expect(widths).toEqual([3, 1, 1, 1]);
});

test("after that it grows by one a round", async () => {
  const clock = new HandClock();
  const width = new Width(6, clock);
  await send(width, clock, 10, 6);
  width.pushedBack();
  const widths = await send(width, clock, 12, 6);
  expect(widths.slice(0, 7)).toEqual([3, 3, 4, 4, 4, 4, 5]);
});

test("a line that gives less for more is not pressed", async () => {
  const clock = new HandClock();
  const width = new Width(50, clock);
  await send(width, clock, 8, 50);
  const before = width.now;
  // From here every part takes three times as long.
  for (let part = 0; part < before; part++) {
    await clock.advance(3000 / before);
    width.arrived(16 * MIB);
  }
  const after = width.now;
  for (let part = 0; part < 5; part++) {
    width.began();
    width.arrived(16 * MIB);
  }
  expect(width.now - after).toBeLessThanOrEqual(1);
});

test.each([
  ["no answer", new NetworkError("reset"), 3],
  ["503", new PartError(1, 503, "SlowDown", ""), 3],
  ["a refusal", new PartError(1, 403, "AccessDenied", ""), 6],
])("%s of one part leaves %s places", async (_, error, left) => {
  const pool = new HostPool(6, new HandClock());
  const never = new AbortController().signal;
  for (let part = 0; part < 10; part++) await pool.use("one", never, MIB, async (begun) => begun());
  await pool.use("one", never, MIB, () => Promise.reject(error)).catch(() => undefined);
  let begun = 0;
  for (let part = 0; part < 10; part++)
    void pool.use("one", never, MIB, () => {
      begun++;
      return new Promise(() => undefined);
    });
  await settled();
  expect(begun).toBe(left);
});

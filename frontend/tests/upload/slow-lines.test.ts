// Lines that are slow, break or change: how soon parts arrive, and how many bytes are lost. A KiB stands for a MiB.
import { expect, test } from "vitest";
import { MIB, PART, sending } from "../fakes/sending";

/** Milliseconds that a test of minutes in virtual time may take. */
const SLOW = 30_000;
const BUFFERS = [
  { buffer: 0, behind: "no buffers" },
  { buffer: 0.25 * MIB, behind: "small buffers" },
  { buffer: 2.5 * MIB, behind: "a proxy that buffers half a part" },
];

// A part takes 10 s, so that three arrive in 40 s and the fourth is cut: no strategy delivers 120 MiB sooner. Bytes in the
// buffers of a proxy look sent, so that one more part is cut now and then.
test.each([
  { ...BUFFERS[0], seconds: 311, share: 0.25 },
  { ...BUFFERS[1], seconds: 311, share: 0.25 },
  { ...BUFFERS[2], seconds: 351, share: 0.28 },
])(
  "a line of 512 KiB/s that breaks every 40 s, behind $behind, takes $seconds s for 120 MiB and loses at most $share",
  async ({ buffer = 0, seconds, share }) => {
    const { line, isDone } = sending(120, { rate: MIB / 2, breaks: 40, buffer });
    expect(await line.pass(600, isDone)).toBeLessThanOrEqual(seconds);
    expect(line.lost / line.carried).toBeLessThanOrEqual(share);
  },
  SLOW,
);

test.each(BUFFERS)(
  "a steady line of 2 Mbit/s, 200 ms away, behind $behind, is full",
  async ({ buffer }) => {
    const rate = 2e6 / 8 / 1024;
    const { line, isDone } = sending(60, { rate, roundTrip: 0.2, buffer });
    const time = await line.pass(600, isDone);
    expect((60 * MIB) / rate / time).toBeGreaterThanOrEqual(0.95);
  },
  SLOW,
);

test("on a fast line twelve parts are in flight, and none is preempted", async () => {
  const { line, isDone } = sending(600, { rate: 50 * MIB, roundTrip: 0.1 });
  await line.pass(60, isDone);
  expect([isDone(), line.widest, line.lost]).toEqual([true, 12, 0]);
});

test("on a slow line only the parts preempted in the first two seconds are lost", async () => {
  const { line, isDone } = sending(60, { rate: MIB / 2 });
  await line.pass(3);
  expect(line.inFlight).toBe(1);
  await line.pass(300, isDone);
  expect(line.lost).toBeLessThanOrEqual(MIB);
});

test("a line that gets faster is filled again", async () => {
  const { line } = sending(1_000, { rate: MIB / 2 });
  await line.pass(30);
  expect(line.inFlight).toBeLessThanOrEqual(2);
  line.rate = 20 * MIB;
  await line.pass(20);
  expect(line.inFlight).toBeGreaterThan(8);
});

test("on a line that gets slower, parts that are nearly sent continue", async () => {
  const { line, arrived } = sending(1_000, { rate: 10 * MIB });
  await line.pass(5.5);
  const [before, widest] = [arrived.length, line.inFlight];
  line.rate = MIB / 8;
  await line.pass(60);
  expect(widest).toBeGreaterThan(8);
  expect(line.inFlight).toBeLessThanOrEqual(2);
  await line.pass(90);
  expect(arrived.length).toBeGreaterThan(before);
});

test("the rate survives a break: no more parts start than the line can finish", async () => {
  const { line } = sending(120, { rate: MIB / 2 });
  await line.pass(20);
  line.break();
  await line.pass(1);
  expect(line.inFlight).toBe(1);
});

test("one part arrives where two at once would not arrive before the line breaks", async () => {
  const { line, arrived } = sending(120, { rate: MIB, breaks: 8 });
  await line.pass(160);
  expect(arrived.length).toBeGreaterThanOrEqual(12);
});

test("a line on which no part arrives is reported, and the upload continues once it lasts longer", async () => {
  const { line, pool, breaker, run } = sending(20, { rate: MIB / 2 });
  for (let breaks = 0; breaks < 12; breaks++) {
    await line.pass(8);
    line.break();
  }
  expect([pool.breaksBefore, breaker.outage?.since !== undefined]).toEqual([PART, true]);
  await line.pass(120);
  await run;
  expect(pool.breaksBefore).toBeUndefined();
});

import { expect, test } from "vitest";
import { NetworkError, PartError } from "../../src/upload/errors";
import { HostPool } from "../../src/upload/slots";
import { Width } from "../../src/upload/width";
import { settled } from "../fakes/clock";

const never = new AbortController().signal;

function widthsAfter(width: Width, parts: number): number[] {
  return Array.from({ length: parts }, () => {
    width.arrived();
    return width.now;
  });
}

test("as many as the setting says, from the first part on, and never more", () => {
  for (const most of [1, 2, 6]) {
    const width = new Width(most);
    expect(width.now).toBe(most);
    expect(Math.max(...widthsAfter(width, 50))).toBe(most);
  }
});

test("when S3 pushes back there are half as many, but one at least", () => {
  const width = new Width(6);
  const widths = [0, 1, 2, 3].map(() => {
    width.pushedBack();
    return width.now;
  });
  expect(widths).toEqual([3, 1, 1, 1]);
});

test("after that it grows by one a round", () => {
  const width = new Width(6);
  width.pushedBack();
  expect(widthsAfter(width, 13)).toEqual([3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]);
});

test.each([
  ["no answer", new NetworkError("reset"), 3],
  ["503", new PartError(1, 503, "SlowDown", ""), 3],
  ["a refusal", new PartError(1, 403, "AccessDenied", ""), 6],
])("%s of one part leaves %s places", async (_, error, left) => {
  const pool = new HostPool(6);
  await pool.use("one", never, () => Promise.reject(error)).catch(() => undefined);
  let begun = 0;
  for (let part = 0; part < 10; part++)
    void pool.use("one", never, () => {
      begun++;
      return new Promise(() => undefined);
    });
  await settled();
  expect(begun).toBe(left);
});

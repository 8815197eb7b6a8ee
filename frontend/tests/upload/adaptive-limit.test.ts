import { expect, test } from "vitest";
import { AdaptiveLimit } from "../../src/upload/concurrency/adaptive-limit";
import { HandClock } from "../fakes/clock";

/** A width, and how wide it is after each tenth of a second in which so many bytes leave. */
function starting(first: number, most: number) {
  const clock = new HandClock();
  const limit = new AdaptiveLimit({ first, most, clock });
  const after = (...tenths: number[]) =>
    tenths.map((bytes) => {
      clock.time += 100;
      limit.addSent(bytes);
      return limit.current;
    });
  return { limit, after };
}

function pushed(most: number): AdaptiveLimit {
  const { limit } = starting(most, most);
  limit.throttled();
  return limit;
}

function widthsAfter(limit: AdaptiveLimit, parts: number): number[] {
  return Array.from({ length: parts }, () => {
    limit.arrived();
    return limit.current;
  });
}

test("a few begin, and one more each time throughput has grown", () => {
  const { limit, after } = starting(1, 6);
  expect(limit.current).toBe(1);
  expect(after(1000, 2000, 4000, 8000)).toEqual([2, 3, 4, 5]);
});

test("throughput that stays, falls, or comes back to what it was lets in no more", () => {
  const { after } = starting(1, 6);
  expect(after(1000, 1000, 1050, 0, 500, 1000, 1100, 1200)).toEqual([2, 2, 2, 2, 2, 2, 2, 3]);
});

test("never more than may", () => {
  const { limit, after } = starting(5, 6);
  expect(after(1, 2, 4, 8)).toEqual([6, 6, 6, 6]);
  expect(Math.max(...widthsAfter(limit, 50))).toBe(6);
  expect(starting(5, 2).limit.current).toBe(2);
});

test("one begins at least: with none, no bytes would ever leave", () => {
  expect(starting(0, 6).limit.current).toBe(1);
});

test("throughput is taken over time, however often bytes are told of", () => {
  const clock = new HandClock();
  const limit = new AdaptiveLimit({ first: 1, most: 6, clock });
  for (let told = 0; told < 50; told++) {
    clock.time += 10;
    limit.addSent(100);
  }
  expect(limit.current).toBe(2);
});

test("parts that arrive do not make it grow before S3 pushes back", () => {
  const { limit } = starting(2, 6);
  expect(widthsAfter(limit, 20).at(-1)).toBe(2);
});

test("when S3 pushes back there are half as many, but one at least", () => {
  const { limit } = starting(6, 6);
  const widths = [0, 1, 2, 3].map(() => {
    limit.throttled();
    return limit.current;
  });
  expect(widths).toEqual([3, 1, 1, 1]);
});

test("after that it grows by one a round, whatever throughput does", () => {
  expect(widthsAfter(pushed(6), 13)).toEqual([3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]);
  const { limit, after } = starting(6, 6);
  limit.throttled();
  expect(after(1000, 2000, 4000)).toEqual([3, 3, 3]);
});

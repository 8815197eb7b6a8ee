import { expect, test } from "vitest";
import { AdaptiveLimit } from "../../src/upload/concurrency/adaptive-limit";
import { HandClock } from "../fakes/clock";

/** A limit, and its value after each tenth of a second in which these bytes leave. */
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

function throttled(most: number): AdaptiveLimit {
  const { limit } = starting(most, most);
  limit.throttled();
  return limit;
}

function valuesAfter(limit: AdaptiveLimit, parts: number): number[] {
  return Array.from({ length: parts }, () => {
    limit.arrived();
    return limit.current;
  });
}

test("it starts low and grows by one each time throughput has grown", () => {
  const { limit, after } = starting(1, 6);
  expect(limit.current).toBe(1);
  expect(after(1000, 2000, 4000, 8000)).toEqual([2, 3, 4, 5]);
});

test("it does not grow while throughput stays, falls or returns to its maximum", () => {
  const { after } = starting(1, 6);
  expect(after(1000, 1000, 1050, 0, 500, 1000, 1100, 1200)).toEqual([2, 2, 2, 2, 2, 2, 2, 3]);
});

test("it never exceeds the maximum", () => {
  const { limit, after } = starting(5, 6);
  expect(after(1, 2, 4, 8)).toEqual([6, 6, 6, 6]);
  expect(Math.max(...valuesAfter(limit, 50))).toBe(6);
  expect(starting(5, 2).limit.current).toBe(2);
});

test("it starts at one at least: with none, no bytes would ever leave", () => {
  expect(starting(0, 6).limit.current).toBe(1);
});

test("throughput is measured over time, however often progress is reported", () => {
  const clock = new HandClock();
  const limit = new AdaptiveLimit({ first: 1, most: 6, clock });
  for (let report = 0; report < 50; report++) {
    clock.time += 10;
    limit.addSent(100);
  }
  expect(limit.current).toBe(2);
});

test("parts that arrive do not make it grow before S3 throttles", () => {
  const { limit } = starting(2, 6);
  expect(valuesAfter(limit, 20).at(-1)).toBe(2);
});

test("it is halved when S3 throttles, to one at least", () => {
  const { limit } = starting(6, 6);
  const values = [0, 1, 2, 3].map(() => {
    limit.throttled();
    return limit.current;
  });
  expect(values).toEqual([3, 1, 1, 1]);
});

test("after S3 has throttled, it grows by one for each round of parts, whatever the throughput", () => {
  expect(valuesAfter(throttled(6), 13)).toEqual([3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]);
  const { limit, after } = starting(6, 6);
  limit.throttled();
  expect(after(1000, 2000, 4000)).toEqual([3, 3, 3]);
});

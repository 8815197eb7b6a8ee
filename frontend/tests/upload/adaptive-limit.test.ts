import { expect, test } from "vitest";
import { Width } from "../../src/upload/concurrency/adaptive-limit";
import { HandClock } from "../fakes/clock";

/** A width, and how wide it is after each tenth of a second in which so many bytes leave. */
function starting(first: number, most: number) {
  const clock = new HandClock();
  const width = new Width({ first, most, clock });
  const after = (...tenths: number[]) =>
    tenths.map((bytes) => {
      clock.time += 100;
      width.moved(bytes);
      return width.now;
    });
  return { width, after };
}

function pushed(most: number): Width {
  const { width } = starting(most, most);
  width.pushedBack();
  return width;
}

function widthsAfter(width: Width, parts: number): number[] {
  return Array.from({ length: parts }, () => {
    width.arrived();
    return width.now;
  });
}

test("a few begin, and one more each time throughput has grown", () => {
  const { width, after } = starting(1, 6);
  expect(width.now).toBe(1);
  expect(after(1000, 2000, 4000, 8000)).toEqual([2, 3, 4, 5]);
});

test("throughput that stays, falls, or comes back to what it was lets in no more", () => {
  const { after } = starting(1, 6);
  expect(after(1000, 1000, 1050, 0, 500, 1000, 1100, 1200)).toEqual([2, 2, 2, 2, 2, 2, 2, 3]);
});

test("never more than may", () => {
  const { width, after } = starting(5, 6);
  expect(after(1, 2, 4, 8)).toEqual([6, 6, 6, 6]);
  expect(Math.max(...widthsAfter(width, 50))).toBe(6);
  expect(starting(5, 2).width.now).toBe(2);
});

test("one begins at least: with none, no bytes would ever leave", () => {
  expect(starting(0, 6).width.now).toBe(1);
});

test("throughput is taken over time, however often bytes are told of", () => {
  const clock = new HandClock();
  const width = new Width({ first: 1, most: 6, clock });
  for (let told = 0; told < 50; told++) {
    clock.time += 10;
    width.moved(100);
  }
  expect(width.now).toBe(2);
});

test("parts that arrive do not make it grow before S3 pushes back", () => {
  const { width } = starting(2, 6);
  expect(widthsAfter(width, 20).at(-1)).toBe(2);
});

test("when S3 pushes back there are half as many, but one at least", () => {
  const { width } = starting(6, 6);
  const widths = [0, 1, 2, 3].map(() => {
    width.pushedBack();
    return width.now;
  });
  expect(widths).toEqual([3, 1, 1, 1]);
});

test("after that it grows by one a round, whatever throughput does", () => {
  expect(widthsAfter(pushed(6), 13)).toEqual([3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6]);
  const { width, after } = starting(6, 6);
  width.pushedBack();
  expect(after(1000, 2000, 4000)).toEqual([3, 3, 3]);
});

import { expect, test } from "vitest";
import { backoff } from "../../src/upload/retry/backoff";
import { retry } from "../../src/upload/retry/retry";
import { RushingClock } from "../fakes/clock";

const rule = { tries: 4, base: 100, cap: 350 };

test.each([
  { failure: 0, random: 1, wait: 100 },
  { failure: 1, random: 1, wait: 200 },
  { failure: 1, random: 0.5, wait: 100 },
  { failure: 2, random: 1, wait: 350 },
  { failure: 50, random: 1, wait: 350 },
  { failure: 3, random: 0, wait: 0 },
])("failure $failure waits $wait ms when chance says $random", ({ failure, random, wait }) => {
  expect(backoff(failure, rule, random)).toBe(wait);
});

test("work is attempted as often as the rule says, and its last error thrown", async () => {
  const clock = new RushingClock();
  let tries = 0;
  const work = async () => {
    throw new Error(`try ${++tries}`);
  };
  await expect(retry(work, { rule, clock, isRetryable: () => true })).rejects.toThrow("try 4");
  expect(clock.waits).toEqual([100, 200, 350]);
});

test("an error that is not retryable is thrown at once", async () => {
  const clock = new RushingClock();
  const work = () => Promise.reject(new Error("no"));
  await expect(retry(work, { rule, clock, isRetryable: () => false })).rejects.toThrow("no");
  expect(clock.waits).toEqual([]);
});

import { expect, test } from "vitest";
import { Semaphore } from "../../src/upload/concurrency/semaphore";
import { settled } from "../fakes/clock";

const never = new AbortController().signal;

test("callers work in their order, and no more at once than there are places", async () => {
  const semaphore = new Semaphore(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const work = (number: number) => () => {
    started.push(number);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  for (const number of [1, 2, 3, 4]) void semaphore.use(never, work(number));
  await settled();
  expect(started).toEqual([1, 2]);
  ends[1]?.();
  await settled();
  expect(started).toEqual([1, 2, 3]);
});

test("a caller that is aborted while it waits leaves the queue and takes no place", async () => {
  const semaphore = new Semaphore(1);
  const stop = new AbortController();
  let end = () => {};
  const first = semaphore.use(never, () => new Promise<void>((resolve) => (end = resolve)));
  const second = semaphore.use(stop.signal, async () => "second");
  const third = semaphore.use(never, async () => "third");
  stop.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  end();
  await first;
  expect(await third).toBe("third");
});

test("a failure frees the place", async () => {
  const semaphore = new Semaphore(1);
  await expect(semaphore.use(never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await semaphore.use(never, async () => "next")).toBe("next");
});

test("more places admit waiting callers", async () => {
  let count = 1;
  const semaphore = new Semaphore(() => count);
  let started = 0;
  const work = () => {
    started++;
    return new Promise<void>(() => undefined);
  };
  for (let each = 0; each < 5; each++) void semaphore.use(never, work);
  await settled();
  expect(started).toBe(1);
  count = 3;
  semaphore.admit();
  await settled();
  expect(started).toBe(3);
});

import { expect, test } from "vitest";
import { Semaphore } from "../../src/upload/concurrency/semaphore";
import { settled } from "../fakes/clock";

const never = new AbortController().signal;

test("who comes first goes first, and no more at once than there are places", async () => {
  const slots = new Semaphore(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (number: number) => () => {
    begun.push(number);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  for (const number of [1, 2, 3, 4]) void slots.use(never, work(number));
  await settled();
  expect(begun).toEqual([1, 2]);
  ends[1]?.();
  await settled();
  expect(begun).toEqual([1, 2, 3]);
});

test("whoever is aborted while waiting leaves the queue and takes no place", async () => {
  const slots = new Semaphore(1);
  const stop = new AbortController();
  let end = () => {};
  const first = slots.use(never, () => new Promise<void>((resolve) => (end = resolve)));
  const second = slots.use(stop.signal, async () => "second");
  const third = slots.use(never, async () => "third");
  stop.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  end();
  await first;
  expect(await third).toBe("third");
});

test("a failure gives the place back", async () => {
  const slots = new Semaphore(1);
  await expect(slots.use(never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await slots.use(never, async () => "next")).toBe("next");
});

test("more places let in whoever waits", async () => {
  let count = 1;
  const slots = new Semaphore(() => count);
  let begun = 0;
  const work = () => {
    begun++;
    return new Promise<void>(() => undefined);
  };
  for (let each = 0; each < 5; each++) void slots.use(never, work);
  await settled();
  expect(begun).toBe(1);
  count = 3;
  slots.admit();
  await settled();
  expect(begun).toBe(3);
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Bursts } from "../../src/uppy/bursts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function bursts() {
  const told: string[] = [];
  const all = new Bursts(100);
  return { told, tell: (key: string) => all.tell(key, () => told.push(key)), all };
}

test("what is told alone is told at once", async () => {
  const { told, tell } = bursts();
  await tell("a");
  expect(told).toEqual(["a"]);
  vi.advanceTimersByTime(100);
  await tell("b");
  expect(told).toEqual(["a", "b"]);
});

test("what follows closely is told together", async () => {
  const { told, tell } = bursts();
  await tell("a");
  const others = Promise.all(["b", "c", "d"].map(tell));
  await vi.advanceTimersByTimeAsync(99);
  expect(told).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(1);
  await others;
  expect(told).toEqual(["a", "b", "c", "d"]);
});

test("a hint waits, and gives way to newer news of the same file", async () => {
  const { told, tell, all } = bursts();
  all.hint("a", () => told.push("a moved"));
  all.hint("b", () => told.push("b moved"));
  expect(told).toEqual([]);
  const done = tell("a");
  await vi.advanceTimersByTimeAsync(100);
  await done;
  expect(told).toEqual(["a", "b moved"]);
});

test("a burst that takes long leaves the rest to the next", async () => {
  const { told, all } = bursts();
  const slowly = (key: string) =>
    all.tell(key, () => {
      told.push(key);
      vi.setSystemTime(Date.now() + 10);
      vi.advanceTimersByTime(10);
    });
  await slowly("a");
  const others = Promise.all(["b", "c", "d", "e"].map(slowly));
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toEqual(["a", "b", "c"]);
  await vi.advanceTimersByTimeAsync(200);
  await others;
  expect(told).toEqual(["a", "b", "c", "d", "e"]);
});

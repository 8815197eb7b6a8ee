import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventBatches } from "../../src/uppy/event-batches";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const events: string[] = [];
  const batches = new EventBatches(100);
  return { events, deliver: (key: string) => batches.deliver(key, () => events.push(key)), batches };
}

test("a single event is delivered at once", async () => {
  const { events, deliver } = start();
  await deliver("a");
  expect(events).toEqual(["a"]);
  vi.advanceTimersByTime(100);
  await deliver("b");
  expect(events).toEqual(["a", "b"]);
});

test("events that follow closely are delivered together", async () => {
  const { events, deliver } = start();
  await deliver("a");
  const others = Promise.all(["b", "c", "d"].map(deliver));
  await vi.advanceTimersByTimeAsync(99);
  expect(events).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(1);
  await others;
  expect(events).toEqual(["a", "b", "c", "d"]);
});

test("an event for later waits, and a newer event of the same file replaces it", async () => {
  const { events, deliver, batches } = start();
  batches.deliverLater("a", () => events.push("a moved"));
  batches.deliverLater("b", () => events.push("b moved"));
  expect(events).toEqual([]);
  const done = deliver("a");
  await vi.advanceTimersByTimeAsync(100);
  await done;
  expect(events).toEqual(["a", "b moved"]);
});

test("a batch that takes long leaves the remaining events to the next", async () => {
  const { events, batches } = start();
  const slowly = (key: string) =>
    batches.deliver(key, () => {
      events.push(key);
      vi.setSystemTime(Date.now() + 10);
      vi.advanceTimersByTime(10);
    });
  await slowly("a");
  const others = Promise.all(["b", "c", "d", "e"].map(slowly));
  await vi.advanceTimersByTimeAsync(100);
  expect(events).toEqual(["a", "b", "c"]);
  await vi.advanceTimersByTimeAsync(200);
  await others;
  expect(events).toEqual(["a", "b", "c", "d", "e"]);
});

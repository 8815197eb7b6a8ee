import { expect, test } from "vitest";
import type { PartLane } from "../../src/upload/parts/part-lane";
import { PartQueue } from "../../src/upload/parts/part-queue";
import { HandClock } from "../fakes/clock";
import { seeded } from "../fakes/seeded";

const SIZE = 100;

/** A queue of parts, so many or of these sizes, whose senders have just had one arrive in so many milliseconds, each. */
async function queueOf(
  left: number | number[],
  ...times: number[]
): Promise<[PartQueue, PartLane[], HandClock]> {
  const clock = new HandClock();
  const sizes = typeof left === "number" ? Array<number>(left).fill(SIZE) : left;
  const numbers = sizes.map((_, index) => index + 1);
  const queue = new PartQueue(numbers, (number) => sizes[number - 1] ?? 0, times.length, clock);
  const order = times.map((time, index) => ({ time, sender: queue.lanes[index] as PartLane }));
  for (const { sender } of order) sender.start(SIZE);
  for (const { time, sender } of order.sort((a, b) => a.time - b.time)) {
    await clock.advance(time - clock.now());
    sender.progress(SIZE);
    sender.end(true);
  }
  return [queue, [...queue.lanes], clock];
}

test("parts are taken in their order, by whoever asks", async () => {
  const [queue, [one, two]] = await queueOf(3, 10, 10);
  expect([one, two, one].map((sender) => queue.next(sender as PartLane))).toEqual([1, 2, 3]);
  expect(queue.isEmpty).toBe(true);
});

test("whoever has sent nothing yet takes what there is", () => {
  const queue = new PartQueue([7], () => SIZE, 3, new HandClock());
  expect(queue.next(queue.lanes[2] as PartLane)).toBe(7);
});

test.each([
  { left: 3, takes: false },
  { left: 4, takes: true },
])("with $left parts left, the one that is four times as slow takes one: $takes", async ({ left, takes }) => {
  const [queue, [slow, fast]] = await queueOf(left, 40, 10);
  fast?.start(SIZE);
  expect(queue.next(slow as PartLane) !== undefined).toBe(takes);
});

test("what another still has to send of its own part counts", async () => {
  const [queue, [slow, fast], clock] = await queueOf(1, 17, 10);
  fast?.start(SIZE);
  await clock.advance(9);
  fast?.progress(90);
  expect(queue.next(slow as PartLane)).toBeUndefined();
  const [fresh, [slower, faster]] = await queueOf(1, 17, 10);
  faster?.start(SIZE);
  expect(fresh.next(slower as PartLane)).toBe(1);
});

test.each([
  { size: SIZE, takes: false },
  { size: SIZE / 5, takes: true },
])("a part of $size bytes is for a slow one: $takes", async ({ size, takes }) => {
  const [queue, [slow, fast]] = await queueOf([size], 40, 10);
  fast?.start(SIZE);
  expect(queue.next(slow as PartLane) !== undefined).toBe(takes);
});

test("one that has stalled is not waited for", async () => {
  const [queue, [slow, fast], clock] = await queueOf(1, 40, 10);
  fast?.start(SIZE);
  fast?.progress(SIZE / 2);
  await clock.advance(200);
  expect(queue.next(slow as PartLane)).toBe(1);
});

test("a part is never left to nobody", async () => {
  const [queue, senders] = await queueOf(1, 40, 30, 20, 10);
  expect(senders.map((sender) => queue.next(sender))).toEqual([undefined, undefined, undefined, 1]);
});

test.each([
  { left: 14, times: [40, 10, 10, 10], takes: false, why: "the others make nearly as much" },
  { left: 28, times: [40, 10, 10, 10], takes: true, why: "the end is far" },
  { left: 14, times: [15, 10, 10, 10], takes: true, why: "it is hardly slower" },
  { left: 7, times: [22, 10, 10], takes: true, why: "the others make too little" },
])("with $left parts left for senders of $times, the slowest goes on: $takes ($why)", async (given) => {
  const [queue, [slowest]] = await queueOf(given.left, ...given.times);
  expect(queue.next(slowest as PartLane) !== undefined).toBe(given.takes);
  expect(slowest?.isRetired).toBe(!given.takes);
});

test("the next one stops when the others have taken up what the first left", async () => {
  const [queue, [one, two, ...fast], clock] = await queueOf(10, 25, 25, 10, 10, 10, 10);
  expect(queue.next(one as PartLane)).toBeUndefined();
  expect(queue.next(two as PartLane)).toBe(1);
  for (const sender of fast) sender.start(SIZE);
  await clock.advance(5);
  for (const sender of fast) sender.progress(SIZE);
  for (const sender of fast) sender.end(true);
  await clock.advance(20);
  two?.end(true);
  expect(queue.next(two as PartLane)).toBeUndefined();
  expect([one?.isRetired, two?.isRetired, fast[0]?.isRetired]).toEqual([true, true, false]);
});

test("whoever stopped for good stays away when others fail", async () => {
  const [queue, [slow, ...fast]] = await queueOf(14, 40, 10, 10, 10);
  expect(queue.next(slow as PartLane)).toBeUndefined();
  for (const sender of fast) sender.end(false);
  expect(queue.next(slow as PartLane)).toBeUndefined();
  expect(queue.next(fast[0] as PartLane)).toBe(1);
});

test("one that may not send every part never stops: its parts may be for nobody else", async () => {
  const [queue, [slow]] = await queueOf(14, 40, 10, 10, 10);
  expect(queue.next(slow as PartLane, (number) => number % 2 === 0)).toBe(2);
  expect(slow?.isRetired).toBe(false);
});

test("whoever left a part to others hears when one of them has ended, well or not", async () => {
  const [queue, [slow, fast]] = await queueOf(1, 40, 10);
  fast?.start(SIZE);
  const { partEnded } = queue;
  expect(queue.next(slow as PartLane)).toBeUndefined();
  fast?.end(false);
  await partEnded;
  expect(queue.next(slow as PartLane)).toBe(1);
});

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  "senders of any speed, that fail now and then, send every part once (seed %i)",
  async (seed) => {
    const random = seeded(seed + 1);
    const clock = new HandClock();
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    const queue = new PartQueue(numbers, () => SIZE, 6, clock);
    const arrived: number[] = [];
    const sendOne = async (sender: PartLane, pace: number) => {
      for (let done = false; !done; ) {
        sender.start(SIZE);
        await clock.wait(pace * (0.5 + random()));
        sender.progress(SIZE * random());
        done = random() < 0.8;
        sender.end(done);
        if (!done) await clock.wait(100 * random());
      }
    };
    const sendAll = async (sender: PartLane) => {
      const pace = 10 ** (1 + 2 * random());
      while (!queue.isEmpty) {
        const { partEnded } = queue;
        const number = queue.next(sender);
        if (number === undefined) await partEnded;
        else {
          await sendOne(sender, pace);
          arrived.push(number);
        }
      }
    };
    const all = Promise.all(queue.lanes.map(sendAll));
    for (let turn = 0; arrived.length < numbers.length && turn < 200; turn++) await clock.advance(50);
    expect(arrived.toSorted((a, b) => a - b)).toEqual(numbers);
    await all;
  },
);

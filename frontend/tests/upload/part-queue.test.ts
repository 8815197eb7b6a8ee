import { expect, test } from "vitest";
import type { PartLane } from "../../src/upload/parts/part-lane";
import { PartQueue } from "../../src/upload/parts/part-queue";
import { HandClock } from "../fakes/clock";
import { seeded } from "../fakes/seeded";

const SIZE = 100;

/** A queue of parts (their number or sizes), whose lanes have each just sent one part in these milliseconds. */
async function queueOf(
  remaining: number | number[],
  ...times: number[]
): Promise<[PartQueue, PartLane[], HandClock]> {
  const clock = new HandClock();
  const sizes = typeof remaining === "number" ? Array<number>(remaining).fill(SIZE) : remaining;
  const numbers = sizes.map((_, index) => index + 1);
  const queue = new PartQueue(numbers, (number) => sizes[number - 1] ?? 0, times.length, clock);
  const order = times.map((time, index) => ({ time, lane: queue.lanes[index] as PartLane }));
  for (const { lane } of order) lane.start(SIZE);
  for (const { time, lane } of order.sort((a, b) => a.time - b.time)) {
    await clock.advance(time - clock.now());
    lane.progress(SIZE);
    lane.end(true);
  }
  return [queue, [...queue.lanes], clock];
}

test("parts are taken in their order by any lane", async () => {
  const [queue, [one, two]] = await queueOf(3, 10, 10);
  expect([one, two, one].map((lane) => queue.next(lane as PartLane))).toEqual([1, 2, 3]);
  expect(queue.isEmpty).toBe(true);
});

test("a lane that has sent nothing yet takes a part", () => {
  const queue = new PartQueue([7], () => SIZE, 3, new HandClock());
  expect(queue.next(queue.lanes[2] as PartLane)).toBe(7);
});

test.each([
  { remaining: 3, takes: false },
  { remaining: 4, takes: true },
])(
  "with $remaining parts remaining, a lane that is four times as slow takes one: $takes",
  async ({ remaining, takes }) => {
    const [queue, [slow, fast]] = await queueOf(remaining, 40, 10);
    fast?.start(SIZE);
    expect(queue.next(slow as PartLane) !== undefined).toBe(takes);
  },
);

test("the part that another lane is sending counts", async () => {
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
])("a slow lane takes a part of $size bytes: $takes", async ({ size, takes }) => {
  const [queue, [slow, fast]] = await queueOf([size], 40, 10);
  fast?.start(SIZE);
  expect(queue.next(slow as PartLane) !== undefined).toBe(takes);
});

test("a slow lane does not leave a part to a stalled one", async () => {
  const [queue, [slow, fast], clock] = await queueOf(1, 40, 10);
  fast?.start(SIZE);
  fast?.progress(SIZE / 2);
  await clock.advance(200);
  expect(queue.next(slow as PartLane)).toBe(1);
});

test("the last lane always takes the part", async () => {
  const [queue, lanes] = await queueOf(1, 40, 30, 20, 10);
  expect(lanes.map((lane) => queue.next(lane))).toEqual([undefined, undefined, undefined, 1]);
});

test.each([
  { remaining: 14, times: [40, 10, 10, 10], takes: false, why: "the others are nearly as fast together" },
  { remaining: 28, times: [40, 10, 10, 10], takes: true, why: "the end is far" },
  { remaining: 14, times: [15, 10, 10, 10], takes: true, why: "it is hardly slower" },
  { remaining: 7, times: [22, 10, 10], takes: true, why: "the others are too slow together" },
])(
  "with $remaining parts remaining for lanes of $times, the slowest continues: $takes ($why)",
  async (row) => {
    const [queue, [slowest]] = await queueOf(row.remaining, ...row.times);
    expect(queue.next(slowest as PartLane) !== undefined).toBe(row.takes);
    expect(slowest?.isRetired).toBe(!row.takes);
  },
);

test("the next slow lane stops when the others use the bandwidth that the first freed", async () => {
  const [queue, [one, two, ...fast], clock] = await queueOf(10, 25, 25, 10, 10, 10, 10);
  expect(queue.next(one as PartLane)).toBeUndefined();
  expect(queue.next(two as PartLane)).toBe(1);
  for (const lane of fast) lane.start(SIZE);
  await clock.advance(5);
  for (const lane of fast) lane.progress(SIZE);
  for (const lane of fast) lane.end(true);
  await clock.advance(20);
  two?.end(true);
  expect(queue.next(two as PartLane)).toBeUndefined();
  expect([one?.isRetired, two?.isRetired, fast[0]?.isRetired]).toEqual([true, true, false]);
});

test("a retired lane does not return when others fail", async () => {
  const [queue, [slow, ...fast]] = await queueOf(14, 40, 10, 10, 10);
  expect(queue.next(slow as PartLane)).toBeUndefined();
  for (const lane of fast) lane.end(false);
  expect(queue.next(slow as PartLane)).toBeUndefined();
  expect(queue.next(fast[0] as PartLane)).toBe(1);
});

test("a lane that may send only some parts is never retired, because no other may send them", async () => {
  const [queue, [slow]] = await queueOf(14, 40, 10, 10, 10);
  expect(queue.next(slow as PartLane, (number) => number % 2 === 0)).toBe(2);
  expect(slow?.isRetired).toBe(false);
});

test("a lane that remaining a part to others is notified when one of them ends, in success or failure", async () => {
  const [queue, [slow, fast]] = await queueOf(1, 40, 10);
  fast?.start(SIZE);
  const { partEnded } = queue;
  expect(queue.next(slow as PartLane)).toBeUndefined();
  fast?.end(false);
  await partEnded;
  expect(queue.next(slow as PartLane)).toBe(1);
});

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  "lanes of any speed that fail now and then send every part once (seed %i)",
  async (seed) => {
    const random = seeded(seed + 1);
    const clock = new HandClock();
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    const queue = new PartQueue(numbers, () => SIZE, 6, clock);
    const arrived: number[] = [];
    const sendOne = async (lane: PartLane, pace: number) => {
      for (let done = false; !done; ) {
        lane.start(SIZE);
        await clock.wait(pace * (0.5 + random()));
        lane.progress(SIZE * random());
        done = random() < 0.8;
        lane.end(done);
        if (!done) await clock.wait(100 * random());
      }
    };
    const sendAll = async (lane: PartLane) => {
      const pace = 10 ** (1 + 2 * random());
      while (!queue.isEmpty) {
        const { partEnded } = queue;
        const number = queue.next(lane);
        if (number === undefined) await partEnded;
        else {
          await sendOne(lane, pace);
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

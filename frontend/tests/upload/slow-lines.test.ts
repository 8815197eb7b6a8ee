// Lines that are slow, break, change: what arrives in which time, and what is lost. A KiB stands for a MiB.
import { expect, test } from "vitest";
import { MIB, PART, sending } from "../fakes/sending";

/** A test of minutes in virtual time may take so long (milliseconds). */
const SLOW = 30_000;
const BUFFERS = [
  { buffer: 0, behind: "no buffers" },
  { buffer: 0.25 * MIB, behind: "small buffers" },
  { buffer: 2.5 * MIB, behind: "a proxy that swallows half a part" },
];

// A part takes 10 s, so that three get through in 40 s and the fourth is cut: no way of sending has 120 MiB there sooner.
// What a proxy swallows looks sent, so that a part more is cut now and then.
test.each([
  { ...BUFFERS[0], seconds: 311, share: 0.25 },
  { ...BUFFERS[1], seconds: 311, share: 0.25 },
  { ...BUFFERS[2], seconds: 351, share: 0.28 },
])(
  "512 KiB/s that break every 40 s, behind $behind: 120 MiB in $seconds s, $share is lost at most",
  async ({ buffer = 0, seconds, share }) => {
    const { line, isDone } = sending(120, { rate: MIB / 2, breaks: 40, buffer });
    expect(await line.pass(600, isDone)).toBeLessThanOrEqual(seconds);
    expect(line.lost / line.travelled).toBeLessThanOrEqual(share);
  },
  SLOW,
);

test.each(BUFFERS)(
  "a steady line of 2 Mbit/s, 200 ms away, behind $behind, is full",
  async ({ buffer }) => {
    const rate = 2e6 / 8 / 1024;
    const { line, isDone } = sending(60, { rate, roundTrip: 0.2, buffer });
    const time = await line.pass(600, isDone);
    expect((60 * MIB) / rate / time).toBeGreaterThanOrEqual(0.95);
  },
  SLOW,
);

test("on a fast line twelve travel, and none is dropped", async () => {
  const { line, isDone } = sending(600, { rate: 50 * MIB, roundTrip: 0.1 });
  await line.pass(60, isDone);
  expect([isDone(), line.widest, line.lost]).toEqual([true, 12, 0]);
});

test("on a slow line those that are dropped in the first two seconds are all that is lost", async () => {
  const { line, isDone } = sending(60, { rate: MIB / 2 });
  await line.pass(3);
  expect(line.underWay).toBe(1);
  await line.pass(300, isDone);
  expect(line.lost).toBeLessThanOrEqual(MIB);
});

test("a line that gets faster is filled again", async () => {
  const { line } = sending(1_000, { rate: MIB / 2 });
  await line.pass(30);
  expect(line.underWay).toBeLessThanOrEqual(2);
  line.rate = 20 * MIB;
  await line.pass(20);
  expect(line.underWay).toBeGreaterThan(8);
});

test("a line that gets slower keeps what is nearly through", async () => {
  const { line, arrived } = sending(1_000, { rate: 10 * MIB });
  await line.pass(5.5);
  const [before, widest] = [arrived.length, line.underWay];
  line.rate = MIB / 8;
  await line.pass(60);
  expect(widest).toBeGreaterThan(8);
  expect(line.underWay).toBeLessThanOrEqual(2);
  await line.pass(90);
  expect(arrived.length).toBeGreaterThan(before);
});

test("the rate outlives breaks: no more parts begin than the line can finish", async () => {
  const { line } = sending(120, { rate: MIB / 2 });
  await line.pass(20);
  line.break();
  await line.pass(1);
  expect(line.underWay).toBe(1);
});

test("where two at once would not get through before the line breaks, one does", async () => {
  const { line, arrived } = sending(120, { rate: MIB, breaks: 8 });
  await line.pass(160);
  expect(arrived.length).toBeGreaterThanOrEqual(12);
});

test("a line on which no part gets through is told, and the upload goes on when it lasts longer", async () => {
  const { line, pool, breaker, run } = sending(20, { rate: MIB / 2 });
  for (let breaks = 0; breaks < 12; breaks++) {
    await line.pass(8);
    line.break();
  }
  expect([pool.breaksBefore, breaker.outage?.since !== undefined]).toEqual([PART, true]);
  await line.pass(120);
  await run;
  expect(pool.breaksBefore).toBeUndefined();
});

// What a row is told of a file under way: its pace, and whether S3 keeps its parts for long enough.
import { expect, test } from "vitest";
import { Paces } from "../../src/page/uploads/speeds";
import { deadlineText } from "../../src/page/uploads/unfinished-list";
import type { Going } from "../../src/page/uploads/upload-row";
import { RushingClock } from "../fakes/clock";

const MIB = 1024 * 1024;

/** A file of 1,000 MiB that S3 keeps for `hours`. */
function sending(hours: number | undefined) {
  const clock = new RushingClock();
  const paces = new Paces(clock);
  const data = { size: 1_000 * MIB } as Blob;
  const deadline = hours === undefined ? undefined : new Date(clock.time + hours * 3_600_000).toISOString();
  paces.began("u1", data, deadline);
  const look = (sent: number, changes: { paused?: boolean; isWaiting?: boolean } = {}): Going | undefined => {
    let going: Going | undefined;
    const file = { data, sent, paused: changes.paused ?? false, error: undefined };
    paces.look([file], changes.isWaiting ?? false, (_, each) => {
      going = each;
    });
    return going;
  };
  /** The file goes on at so many bytes a second. */
  const run = (seconds: number, rate: number, from = 0) => {
    let going: Going | undefined;
    for (let second = 0; second <= seconds; second++) {
      going = look(from + second * rate);
      clock.time += 1_000;
    }
    return going;
  };
  return { clock, deadline, paces, data, look, run };
}

test.each([
  { hours: 3, rate: 0.08 * MIB, late: true }, // 3.5 hours
  { hours: 4, rate: 0.08 * MIB, late: false },
  { hours: 1, rate: 10 * MIB, late: false },
  { hours: undefined, rate: 1, late: false },
])("at $rate bytes a second with $hours hours, late is $late", ({ hours, rate, late }) => {
  expect(sending(hours).run(40, rate)).toMatchObject({ isLate: late });
});

test("nobody is warned before the speed is a steady figure", () => {
  expect(sending(1).run(29, 1)).toMatchObject({ isLate: false, steadyLeft: undefined });
  expect(sending(1).run(31, 1)).toMatchObject({ isLate: true });
});

test.each([{ paused: true }, { isWaiting: true }])("%j is no slow line: the figure begins anew", (stand) => {
  const { clock, look, run } = sending(1);
  run(40, 10 * MIB);
  for (let minute = 0; minute < 60; minute++) {
    look(400 * MIB, stand);
    clock.time += 60_000;
  }
  expect(look(400 * MIB, stand)).toMatchObject({ isLate: false, speed: undefined });
  clock.time += 1_000;
  expect(look(410 * MIB)).toMatchObject({ isLate: false });
});

test("the deadline and what stands in the way are told with the progress", () => {
  const { deadline, look } = sending(2);
  expect(look(5, { paused: true })).toMatchObject({
    deadline,
    paused: true,
    isWaiting: false,
    isAgain: false,
  });
  expect(look(5, { isWaiting: true })).toMatchObject({ isWaiting: true });
});

test("a file that is sent again from the beginning says so from then on", () => {
  const { data, look, paces } = sending(2);
  paces.restarted(data);
  expect(look(5)).toMatchObject({ isAgain: false });
  paces.began("u2", data);
  expect(look(0)).toMatchObject({ isAgain: true });
});

test("a deadline to come says until when to resume, one that is past that the parts may be gone", () => {
  const deadline = "2030-01-01T12:00:00Z";
  const at = Date.parse(deadline);
  expect(deadlineText(deadline, at - 1)).toMatch(/^Resume before .*2030/);
  expect(deadlineText(deadline, at)).toMatch(/^was kept until .*2030.* may be gone$/);
});

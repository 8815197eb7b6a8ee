// The progress that a row gets: the speed of its file, and whether S3 keeps the parts long enough.
import { expect, test } from "vitest";
import { deadlineText } from "../../src/page/unfinished/unfinished-list";
import { SpeedMeters } from "../../src/page/uploads/speed-meters";
import type { UploadProgress } from "../../src/page/uploads/upload-row";
import { RushingClock } from "../fakes/clock";

const MIB = 1024 * 1024;

/** A file of 1,000 MiB whose parts S3 keeps for `hours`. */
function startUpload(hours: number | undefined) {
  const clock = new RushingClock();
  const meters = new SpeedMeters(clock);
  const data = { size: 1_000 * MIB } as Blob;
  const deadline = hours === undefined ? undefined : new Date(clock.time + hours * 3_600_000).toISOString();
  meters.start("u1", data, deadline);
  const measure = (
    sent: number,
    changes: { paused?: boolean; isWaiting?: boolean } = {},
  ): UploadProgress | undefined => {
    let progress: UploadProgress | undefined;
    const file = { data, sent, paused: changes.paused ?? false, error: undefined };
    meters.measure([file], changes.isWaiting ?? false, (_, each) => {
      progress = each;
    });
    return progress;
  };
  /** Sends the file at `rate` bytes a second. */
  const run = (seconds: number, rate: number, from = 0) => {
    let progress: UploadProgress | undefined;
    for (let second = 0; second <= seconds; second++) {
      progress = measure(from + second * rate);
      clock.time += 1_000;
    }
    return progress;
  };
  return { clock, deadline, meters, data, measure, run };
}

test.each([
  { hours: 3, rate: 0.08 * MIB, late: true }, // 3.5 hours
  { hours: 4, rate: 0.08 * MIB, late: false },
  { hours: 1, rate: 10 * MIB, late: false },
  { hours: undefined, rate: 1, late: false },
])("at $rate bytes a second with $hours hours, late is $late", ({ hours, rate, late }) => {
  expect(startUpload(hours).run(40, rate)).toMatchObject({ isLate: late });
});

test("a warning waits until the speed is steady", () => {
  expect(startUpload(1).run(29, 1)).toMatchObject({ isLate: false, steadyRemaining: undefined });
  expect(startUpload(1).run(31, 1)).toMatchObject({ isLate: true });
});

test.each([{ paused: true }, { isWaiting: true }])("%j restarts the measurement", (state) => {
  const { clock, measure, run } = startUpload(1);
  run(40, 10 * MIB);
  for (let minute = 0; minute < 60; minute++) {
    measure(400 * MIB, state);
    clock.time += 60_000;
  }
  expect(measure(400 * MIB, state)).toMatchObject({ isLate: false, speed: undefined });
  clock.time += 1_000;
  expect(measure(410 * MIB)).toMatchObject({ isLate: false });
});

test("the progress has the deadline, and says whether the file is paused or waits", () => {
  const { deadline, measure } = startUpload(2);
  expect(measure(5, { paused: true })).toMatchObject({
    deadline,
    paused: true,
    isWaiting: false,
    isRestarted: false,
  });
  expect(measure(5, { isWaiting: true })).toMatchObject({ isWaiting: true });
});

test("a file that is sent again from the beginning stays marked as restarted", () => {
  const { data, measure, meters } = startUpload(2);
  meters.restart(data);
  expect(measure(5)).toMatchObject({ isRestarted: false });
  meters.start("u2", data);
  expect(measure(0)).toMatchObject({ isRestarted: true });
});

test("before the deadline the text says when to resume, and after it that the parts may be deleted", () => {
  const deadline = "2030-01-01T12:00:00Z";
  const at = Date.parse(deadline);
  expect(deadlineText(deadline, at - 1)).toMatch(/^resume before .*2030/);
  expect(deadlineText(deadline, at)).toMatch(/^kept until .*2030.* may be deleted now$/);
});

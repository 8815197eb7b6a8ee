import { expect, test } from "vitest";
import { NetworkError, ReadError } from "../../src/upload/errors";
import { causeOf, withSecondRead } from "../../src/upload/retry/read-failures";
import { HandClock, settled } from "../fakes/clock";

const never = new AbortController().signal;
const lost = new NetworkError("lost");

/** A file whose first reads fail, and a count of its reads. */
function failing(reads: number) {
  const data = new Blob(["abc"]);
  const tally = { reads: 0 };
  data.slice = () => {
    const part = new Blob(["a"]);
    if (tally.reads++ < reads)
      part.arrayBuffer = () => Promise.reject(new DOMException("", "NotReadableError"));
    return part;
  };
  return { data, tally };
}

test("the error of a request stays, at once, when the file can be read", async () => {
  expect(await causeOf(lost, failing(0).data, new HandClock(), never)).toBe(lost);
});

test("an error that is no NetworkError stays", async () => {
  const { data, tally } = failing(9);
  const refusal = new Error("refused");
  expect(await causeOf(refusal, data, new HandClock(), never)).toBe(refusal);
  expect(tally.reads).toBe(0);
});

test.each([
  { reads: 1, gone: false },
  { reads: 2, gone: true },
])("a file of which $reads reads fail, a second apart, is gone: $gone", async ({ reads, gone }) => {
  const clock = new HandClock();
  const { data, tally } = failing(reads);
  const why = causeOf(lost, data, clock, never);
  await settled();
  await clock.advance(999);
  expect(tally.reads).toBe(1);
  await clock.advance(1);
  expect((await why) instanceof ReadError).toBe(gone);
});

test("a pause or cancel meanwhile ends the check of the file", async () => {
  const stop = new AbortController();
  const why = causeOf(lost, failing(9).data, new HandClock(), stop.signal);
  await settled();
  stop.abort(new Error("paused"));
  await expect(why).rejects.toThrow("paused");
});

test.each([
  [1, "crc"],
  [2, ReadError],
])("a hash that fails %i times", async (failures, end) => {
  const clock = new HandClock();
  let tries = 0;
  const hasher = withSecondRead(async () => {
    if (tries++ < failures) throw new ReadError("NotReadableError");
    return "crc";
  }, clock);
  const hash = hasher(new Blob(), never).catch((error: unknown) => (error as Error).constructor);
  await settled();
  await clock.advance(1_000);
  expect(await hash).toBe(end);
});

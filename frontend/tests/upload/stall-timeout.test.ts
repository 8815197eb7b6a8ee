// When a PUT counts as stalled: by the bytes that leave the page, never by their speed.
import { expect, test } from "vitest";
import type { SendRequest, SendResponse } from "../../src/upload/ports";
import { withStallTimeout } from "../../src/upload/retry/stall-timeout";
import { defaultSettings } from "../../src/upload/settings";
import { HandClock, settled } from "../fakes/clock";

const SIZE = 1_000;
const { stallTimeout, responseTimeout } = defaultSettings;

/** One PUT of SIZE bytes, whose progress and response a test controls. */
function put(size = SIZE, firstTimeout = stallTimeout) {
  const clock = new HandClock();
  let request: SendRequest | undefined;
  let answer: (answer: SendResponse) => void = () => undefined;
  const transport = (each: SendRequest) => {
    request = each;
    return new Promise<SendResponse>((resolve, reject) => {
      answer = resolve;
      each.signal.addEventListener("abort", () => reject(each.signal.reason));
    });
  };
  const reports: number[] = [];
  const response = withStallTimeout(transport, clock, { ...defaultSettings, firstTimeout })({
    url: "https://s3.test",
    body: new Blob([new Uint8Array(size)]),
    headers: {},
    signal: new AbortController().signal,
    onProgress: (bytes) => void reports.push(bytes),
  });
  let end: unknown;
  response.then(
    ({ status }) => {
      end = status;
    },
    (error: Error) => {
      end = error.name;
    },
  );
  return {
    clock,
    reports,
    end: () => end,
    progress: (bytes: number) => request?.onProgress(bytes),
    answer: () => answer({ status: 200, text: "", header: () => null }),
  };
}

test("S3 closes a silent connection after 20 seconds: the page aborts earlier", () => {
  expect(stallTimeout).toBeLessThan(20_000);
});

test("a PUT of which no byte leaves is aborted after the stall timeout, not earlier", async () => {
  const { clock, end } = put();
  await clock.advance(stallTimeout - 1);
  expect(end()).toBeUndefined();
  await clock.advance(1);
  expect(end()).toBe("NetworkError");
});

test("a PUT of one byte every 14 seconds is never aborted, over hours", async () => {
  const { clock, end, progress, answer } = put();
  for (let bytes = 1; bytes <= SIZE; bytes++) {
    progress(bytes);
    clock.time += 14_000;
    await clock.advance(0);
  }
  await settled();
  expect(end()).toBeUndefined();
  answer();
  await settled();
  expect(end()).toBe(200);
}, 30_000);

test("a progress event without a new byte does not prolong a PUT", async () => {
  const { clock, end, progress } = put();
  progress(10);
  await clock.advance(stallTimeout - 1);
  progress(10);
  await clock.advance(1);
  expect(end()).toBe("NetworkError");
});

test("after the last byte has left, the response may take longer: the bytes may still be in buffers", async () => {
  const { clock, end, progress, answer } = put();
  progress(SIZE);
  await clock.advance(responseTimeout - 1);
  expect(end()).toBeUndefined();
  answer();
  await settled();
  expect(end()).toBe(200);
});

test("a response that never comes is not awaited for longer", async () => {
  const { clock, end, progress } = put();
  progress(SIZE);
  await clock.advance(responseTimeout);
  expect(end()).toBe("NetworkError");
});

test("the PUT of an empty file, of which no byte can leave, is aborted after the stall timeout", async () => {
  const { clock, end } = put(0);
  await clock.advance(stallTimeout);
  expect(end()).toBe("NetworkError");
});

test("a PUT with a response leaves no timer behind", async () => {
  const { clock, end, answer } = put();
  answer();
  await settled();
  await clock.advance(10 * responseTimeout);
  expect(end()).toBe(200);
});

test("while no byte has ever left, the timeout is shorter", async () => {
  const { clock, end } = put(SIZE, 10_000);
  await clock.advance(10_000);
  expect(end()).toBe("NetworkError");
  const later = put(SIZE, 10_000);
  later.progress(1);
  await later.clock.advance(stallTimeout - 1);
  expect(later.end()).toBeUndefined();
});

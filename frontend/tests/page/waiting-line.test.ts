import { expect, test } from "vitest";
import { waitingText } from "../../src/page/uploads/waiting-line";
import type { Waiting } from "../../src/upload/engine";
import { ApiError, NetworkError, PartError, TokenUnavailable } from "../../src/upload/errors";

const outage = (changes: Partial<Waiting>): Waiting => ({
  service: "api",
  since: Date.parse("2030-01-01T12:00:00Z"),
  neverAnswered: false,
  error: new NetworkError("lost"),
  ...changes,
});

test("the line is empty while no upload waits", () => {
  expect(waitingText([], true)).toBe("");
});

test("the line is empty while no upload waits, even when the browser says it is offline", () => {
  expect(waitingText([], false)).toBe("");
});

test.each<[string, Partial<Waiting>, RegExp]>([
  ["a silent API", {}, /^The server has not answered since .*2030/],
  [
    "an API that never answered",
    { neverAnswered: true },
    /^The server does not answer\. .* contact the administrator/,
  ],
  ["a throttled API", { error: new ApiError(429, {}) }, /^The server has been busy .*2030/],
  [
    "a first answer that is 500",
    { error: new ApiError(500, {}), neverAnswered: true },
    /^The server has been busy/,
  ],
  [
    "a throttled Cognito",
    { error: new TokenUnavailable("TooManyRequestsException") },
    /^The server has not answered/,
  ],
  [
    "S3",
    { service: "s3", error: new PartError(1, 503, "SlowDown", "") },
    /^Amazon S3 has accepted no data since/,
  ],
  [
    "a connection that breaks before a part is sent",
    { service: "s3", breaksBefore: 5 * 1024 * 1024 },
    /^Your connection breaks before 5 MiB are sent\. .* retrying since .*2030/,
  ],
])("%s has a text of its own", (_, changes, text) => {
  expect(waitingText([outage(changes)], true)).toMatch(text);
});

test("two silent services have two sentences", () => {
  const text = waitingText([outage({}), outage({ service: "s3" })], true);
  expect(text).toMatch(/The server has not answered .* Amazon S3 has accepted no data/);
});

test("without a network the line says only that", () => {
  expect(waitingText([outage({})], false)).toMatch(/^You are offline\./);
});

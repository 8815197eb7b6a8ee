import { expect, test } from "vitest";
import { formatDuration, formatName, formatSize, sentence } from "../../src/page/formats";

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1,023 bytes"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [64 * 1024 ** 2, "64 MiB"],
  [10_000 * 5 * 1024 ** 3, "48.8 TiB"],
])("%i is shown as %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test("the name of a field becomes words", () => {
  expect(formatName("detected_type")).toBe("Detected type");
  expect(formatName("etag")).toBe("ETag");
});

test.each([
  [59, "59 s"],
  [61, "1 min 1 s"],
  [3725, "1 h 3 min"],
])("%i seconds are shown as %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  ["", ""],
  ["The file is empty", "The file is empty."],
  ["The file is empty.", "The file is empty."],
  ["Is it empty?", "Is it empty?"],
])("%j becomes the sentence %j", (text, expected) => {
  expect(sentence(text)).toBe(expected);
});

import { expect, test } from "vitest";
import { formatName, formatSize } from "../../src/page/formats";

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

test("a field's name becomes words", () => {
  expect(formatName("detected_type")).toBe("Detected type");
});

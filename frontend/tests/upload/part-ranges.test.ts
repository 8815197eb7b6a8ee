import { expect, test } from "vitest";
import { allParts, missingParts, partRange, sizeOf } from "../../src/upload/parts/part-ranges";

const MIB = 1024 * 1024;

test.each([
  { size: 0, partSize: 5 * MIB, count: 1, last: 0 },
  { size: 1, partSize: 5 * MIB, count: 1, last: 1 },
  { size: 5 * MIB - 1, partSize: 5 * MIB, count: 1, last: 5 * MIB - 1 },
  { size: 5 * MIB, partSize: 5 * MIB, count: 1, last: 5 * MIB },
  { size: 5 * MIB + 1, partSize: 5 * MIB, count: 2, last: 1 },
  { size: 10_000 * 5 * 1024 * MIB, partSize: 5 * 1024 * MIB, count: 10_000, last: 5 * 1024 * MIB },
])("$count parts cover $size bytes exactly, without a gap", ({ size, partSize, count, last }) => {
  let end = 0;
  for (const number of allParts(count)) {
    const range = partRange(number, partSize, size);
    expect(range.start).toBe(end);
    end = range.end;
  }
  expect(end).toBe(size);
  const final = partRange(count, partSize, size);
  expect(final.end - final.start).toBe(last);
});

test("parts that S3 holds in another size count as missing", () => {
  const parts = [
    { number: 1, size: 10 },
    { number: 2, size: 9 },
    { number: 4, size: 5 },
  ];
  expect(missingParts({ part_size: 10, part_count: 4, size: 35 }, parts)).toEqual([2, 3]);
});

test.each([
  [[], 0],
  [[1, 3], 16],
  [[4], 6],
  [[1, 2, 4], 22],
  [[1, 2, 3, 4], 30],
])("parts %j of 30 bytes in parts of 8 hold %i", (numbers, size) => {
  expect(sizeOf(numbers, 8, 30)).toBe(size);
});

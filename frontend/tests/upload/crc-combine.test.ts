import { expect, test } from "vitest";
import { combine } from "../../src/upload/checksums/crc-combine";
import { crc64nvme } from "../../src/upload/checksums/crc64nvme";

const bytes = (size: number, seed = 1) =>
  new Blob([Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed * 7 + (index >> 5)) % 256)]);

async function pieces(data: Blob, sizes: readonly number[]) {
  let start = 0;
  const result: { size: number; crc64nvme: string }[] = [];
  for (const size of sizes) {
    result.push({ size, crc64nvme: await crc64nvme(data.slice(start, start + size)) });
    start += size;
  }
  return result;
}

test("the pieces of the check string have the check value of the algorithm", async () => {
  const data = new Blob(["123456789"]);
  for (const cut of [0, 1, 4, 8, 9])
    expect(combine(await pieces(data, [cut, 9 - cut]))).toBe(btoa("\xae\x8b\x14\x86\x0a\x79\x98\x88"));
});

test("no pieces have the checksum of no bytes", async () => {
  expect(combine([])).toBe(await crc64nvme(new Blob([])));
  expect(combine([])).toBe("AAAAAAAAAAA=");
});

test.each([
  [1, 1],
  [10, 10, 10, 3],
  [1000, 1, 0, 77],
  [65_536, 65_536, 65_535],
  [0, 0, 5],
  Array.from({ length: 200 }, (_, index) => (index * 37) % 101),
])("pieces of %j have the checksum of the whole", async (...sizes) => {
  const data = bytes(sizes.reduce((a, b) => a + b, 0));
  expect(combine(await pieces(data, sizes))).toBe(await crc64nvme(data));
});

test("the order of the pieces matters", async () => {
  const [a, b] = [bytes(500, 1), bytes(300, 2)];
  const [first, second] = [
    { size: 500, crc64nvme: await crc64nvme(a) },
    { size: 300, crc64nvme: await crc64nvme(b) },
  ];
  expect(combine([first, second])).toBe(await crc64nvme(new Blob([a, b])));
  expect(combine([second, first])).toBe(await crc64nvme(new Blob([b, a])));
});

test("lengths beyond 2^32 are not truncated", () => {
  const piece = { size: 5 * 2 ** 30, crc64nvme: "rosUhgp5mIg=" };
  const halves = { size: 5 * 2 ** 29, crc64nvme: "AAAAAAAAAAA=" };
  // Shifting by the whole length is shifting by its halves.
  expect(
    combine([
      { size: 0, crc64nvme: "rosUhgp5mIg=" },
      { ...piece, crc64nvme: "AAAAAAAAAAA=" },
    ]),
  ).toBe(combine([{ size: 0, crc64nvme: "rosUhgp5mIg=" }, halves, halves]));
});

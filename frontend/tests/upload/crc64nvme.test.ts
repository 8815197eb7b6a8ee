import { expect, test } from "vitest";
import { crc64nvme } from "../../src/upload/checksums/crc64nvme";

/** Converts a hexadecimal checksum to S3's form. */
function base64(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return btoa(String.fromCharCode(...bytes.map((byte) => Number.parseInt(byte, 16))));
}

// The check value of the CRC catalogue, and the test vectors of the CRC64NVME implementation that AWS publishes.
test.each([
  ["nothing", new Blob([]), "0000000000000000"],
  ["123456789", new Blob(["123456789"]), "ae8b14860a799888"],
  ["hello world!", new Blob(["hello world!"]), "d9160d1fa8e418e3"],
  ["4096 zero bytes", new Blob([new Uint8Array(4096)]), "6482d367eb22b64e"],
  ["4096 bytes of 255", new Blob([new Uint8Array(4096).fill(255)]), "c0ddba7302eca3ac"],
])("the checksum of %s is the known one", async (_, data, hex) => {
  expect(await crc64nvme(data)).toBe(base64(hex));
});

test("a file larger than the buffer, in uneven pieces, has the checksum of its bytes", async () => {
  const piece = new Uint8Array(1_300_001).map((_, index) => index % 256);
  const whole = new Blob([piece, piece, piece]);
  const copy = new Blob([await whole.arrayBuffer()]);
  expect(await crc64nvme(whole)).toBe(await crc64nvme(copy));
  expect(await crc64nvme(whole)).not.toBe(await crc64nvme(whole.slice(1)));
});

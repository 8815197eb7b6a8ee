// The CRC64NVME of a file from the CRC64NVMEs of its parts. It is pure arithmetic over GF(2), so no byte is read again.
// The rule: crc(A + B) is crc(A) times x^(8 · length of B), plus crc(B), all modulo the polynomial. Bits are reflected,
// so x^0 is the highest. After zlib's crc32_combine: https://github.com/madler/zlib/blob/develop/crc32.c
// Must not know where the checksums come from.

/** The NVMe polynomial, reflected. */
const POLYNOMIAL = 0x9a6c9329ac4bc9b5n;
const ONE = 1n << 63n;
const X = 1n << 62n;

export type Piece = { size: number; crc64nvme: string };

/** Combines the checksums of consecutive pieces into that of the whole, in S3's form (base64). */
export function combine(pieces: Iterable<Piece>): string {
  const shifts = new Map<number, bigint>();
  let crc = 0n;
  for (const piece of pieces) {
    let shift = shifts.get(piece.size);
    if (shift === undefined) {
      shift = power(piece.size);
      shifts.set(piece.size, shift);
    }
    crc = times(shift, crc) ^ crcOf(piece.crc64nvme);
  }
  return base64Of(crc);
}

/** x^(8 · bytes). */
function power(bytes: number): bigint {
  let result = ONE;
  let square = X;
  for (let step = 0; step < 3; step++) square = times(square, square);
  for (let remaining = BigInt(bytes); remaining > 0n; remaining >>= 1n) {
    if (remaining & 1n) result = times(result, square);
    square = times(square, square);
  }
  return result;
}

function times(a: bigint, b: bigint): bigint {
  let product = 0n;
  let factor = b;
  for (let bit = ONE; bit > 0n && (a & ((bit << 1n) - 1n)) !== 0n; bit >>= 1n) {
    if (a & bit) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ POLYNOMIAL : factor >> 1n;
  }
  return product;
}

function crcOf(base64: string): bigint {
  const bytes = atob(base64);
  let value = 0n;
  for (let index = 0; index < bytes.length; index++) value = (value << 8n) | BigInt(bytes.charCodeAt(index));
  return value;
}

function base64Of(crc: bigint): string {
  let bytes = "";
  for (let shift = 56n; shift >= 0n; shift -= 8n)
    bytes += String.fromCharCode(Number((crc >> shift) & 0xffn));
  return btoa(bytes);
}

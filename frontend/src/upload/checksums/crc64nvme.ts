// CRC64NVME, S3's checksum of a whole object, in S3's form: base64 of the eight bytes, highest first.
// Reads a stream in bounded memory, into one buffer it owns where the stream allows. Must not know about workers.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
import { createCRC64 } from "hash-wasm";

/** The NVMe polynomial 0xad93d23594c93659 with its bits reversed, as hash-wasm wants it. */
const POLYNOMIAL = "9a6c9329ac4bc9b5";

const BUFFER_SIZE = 1024 * 1024;

export async function crc64nvme(data: Blob): Promise<string> {
  const checksum = await createCRC64(POLYNOMIAL);
  checksum.init();
  await readAll(data, (bytes) => checksum.update(bytes));
  return btoa(String.fromCharCode(...checksum.digest("binary")));
}

/**
 * What is being read right now. Chromium forgets to answer when the garbage collector takes a stream that only its
 * own pending read refers to; small files met it within a hundred. Held here, it stays.
 */
const underWay = new Set<Blob | ReadableStream | ReadableStreamBYOBReader>();

async function readAll(data: Blob, take: (bytes: Uint8Array) => void): Promise<void> {
  const stream = data.stream();
  const reader = ownBufferReader(stream);
  const held = reader ? [data, stream, reader] : [data, stream];
  for (const each of held) underWay.add(each);
  try {
    if (reader) await readInto(new ArrayBuffer(BUFFER_SIZE), reader, take);
    else await readPieces(stream, take);
  } finally {
    for (const each of held) underWay.delete(each);
  }
}

/** Reads with one buffer, lent to the stream and given back with each answer. */
async function readInto(
  buffer: ArrayBuffer,
  reader: ReadableStreamBYOBReader,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  for (let lent = buffer; ; ) {
    // Filled before it comes back, where the browser knows `min`: fewer turns, the same bytes.
    const { done, value } = await reader.read(new Uint8Array(lent), { min: lent.byteLength });
    if (value) take(value);
    if (done || !value) return;
    lent = value.buffer;
  }
}

async function readPieces(
  stream: ReadableStream<Uint8Array>,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value);
  }
}

function ownBufferReader(stream: ReadableStream): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // Safari: files have no byte streams there
  }
}

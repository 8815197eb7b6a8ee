// CRC64NVME, S3's checksum of a whole object, in S3's form: base64 of the eight bytes, highest first.
// Reads a file as a stream in bounded memory, into a buffer of its own where the browser allows. Must not know about
// workers.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
import { createCRC64 } from "hash-wasm";

/** The NVMe polynomial 0xad93d23594c93659 with its bits reversed, as hash-wasm expects it. */
const POLYNOMIAL = "9a6c9329ac4bc9b5";

const BUFFER_SIZE = 1024 * 1024;

/** Resolves with the checksum of the data. Rejects with what the browser reports when the data cannot be read. */
export async function crc64nvme(data: Blob): Promise<string> {
  const checksum = await createCRC64(POLYNOMIAL);
  checksum.init();
  await readAll(data, (bytes) => checksum.update(bytes));
  return btoa(String.fromCharCode(...checksum.digest("binary")));
}

/**
 * The files and streams of all reads in progress. In Chromium a read never ends when the garbage collector takes a stream
 * that only its own pending read refers to: this happened to one in a hundred small files. These references prevent it.
 */
const inProgress = new Set<Blob | ReadableStream | ReadableStreamBYOBReader>();

async function readAll(data: Blob, take: (bytes: Uint8Array) => void): Promise<void> {
  const stream = data.stream();
  const reader = ownBufferReader(stream);
  const references = reader ? [data, stream, reader] : [data, stream];
  for (const each of references) inProgress.add(each);
  try {
    if (reader) await readInto(new ArrayBuffer(BUFFER_SIZE), reader, take);
    else await readPieces(stream, take);
  } finally {
    for (const each of references) inProgress.delete(each);
  }
}

/** Reads with a single buffer: the stream takes it for each read and returns it with the bytes. */
async function readInto(
  buffer: ArrayBuffer,
  reader: ReadableStreamBYOBReader,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  for (let view = buffer; ; ) {
    // Where the browser knows `min`, it fills the buffer before it returns it: fewer reads.
    const { done, value } = await reader.read(new Uint8Array(view), { min: view.byteLength });
    if (value) take(value);
    if (done || !value) return;
    view = value.buffer;
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
    return undefined; // in Safari, files have no byte streams
  }
}

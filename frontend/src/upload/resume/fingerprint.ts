// The fingerprint of a file: a later page recognises by it a file that a person picks again.
// Must not know where it is kept.

import type { Hasher, SourceFile } from "../ports";

/** Bytes at either end of a file that are hashed. */
const END = 64 * 1024;

/** Resolves with the fingerprint: the file's name, size and time, and the checksum of its two ends. */
export async function fingerprintOf(file: SourceFile, hasher: Hasher, signal: AbortSignal): Promise<string> {
  const { name, data, lastModified = 0 } = file;
  const ends = new Blob([data.slice(0, END), data.slice(Math.max(0, data.size - END))]);
  return JSON.stringify([name, data.size, lastModified, await hasher(ends, signal)]);
}

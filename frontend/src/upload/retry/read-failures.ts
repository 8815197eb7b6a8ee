// Distinguishes a file that is gone from a read that failed by chance. A browser that leaves the page fails
// reads of files that are there. So the file is read again after a delay: a page that is being left does not live that
// long. Must not know why the file is read.

import type { Clock } from "../clock";
import { NetworkError, ReadError } from "../errors";
import type { Hasher } from "../ports";

/** Milliseconds between a read that failed and the next. */
const DELAY = 1_000;

/** Returns a ReadError in place of a NetworkError that the file caused: browsers report both in the same way. */
export async function causeOf(
  error: unknown,
  data: Blob,
  clock: Clock,
  signal: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof NetworkError) || (await isReadable(data))) return error;
  await clock.wait(DELAY, signal);
  return (await isReadable(data)) ? error : new ReadError("The file has changed or is gone");
}

/** Returns a hasher that reads once more after a read has failed. */
export function withSecondRead(hasher: Hasher, clock: Clock): Hasher {
  return async (data, signal) => {
    try {
      return await hasher(data, signal);
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      await clock.wait(DELAY, signal);
      return hasher(data, signal);
    }
  };
}

async function isReadable(data: Blob): Promise<boolean> {
  try {
    await data.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

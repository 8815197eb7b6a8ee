// When a file is gone, and when only one read of it failed. A browser that leaves the page fails reads of files that are
// there, and one read may fail by chance. So a file is read again before anybody believes that it is gone: a page that
// is being left does not live so long. Must not know what the file is read for.

import type { Hasher } from "../browser/hasher";
import type { Clock } from "../clock";
import { NetworkError, ReadError } from "../errors";

/** Milliseconds between a read that failed and the next. */
const AGAIN = 1_000;

/** What made a request fail: a browser that cannot read the file any more says no more than that the request failed. */
export async function whyFailed(
  error: unknown,
  data: Blob,
  clock: Clock,
  signal: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof NetworkError) || (await isReadable(data))) return error;
  await clock.wait(AGAIN, signal);
  return (await isReadable(data)) ? error : new ReadError("The file has changed or is gone");
}

/** A hasher that reads once more where reading failed. */
export function readingTwice(hasher: Hasher, clock: Clock): Hasher {
  return async (data, signal) => {
    try {
      return await hasher(data, signal);
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      await clock.wait(AGAIN, signal);
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

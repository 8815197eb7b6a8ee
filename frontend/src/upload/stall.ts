// A transport that gives up on a PUT in which nothing moves: neither bytes sent nor an answer for so long.
// Some servers accept a connection and never read it; the browser itself would wait for ever.
// Must not know about parts or retries.
import type { Clock } from "./clock";
import { NetworkError } from "./errors";
import type { PutAnswer, PutRequest, Transport } from "./transport";

/** Rejects with NetworkError when nothing moves for `timeout` milliseconds. */
export function watched(transport: Transport, clock: Clock, timeout: number): Transport {
  return async (request: PutRequest): Promise<PutAnswer> => {
    const stalled = new AbortController();
    const ring = () => stalled.abort(new NetworkError(`PUT: nothing moved for ${timeout} ms`));
    let cancel = clock.alarm(timeout, ring);
    let moved = 0;
    const onProgress = (sent: number) => {
      if (sent !== moved) {
        moved = sent;
        cancel();
        cancel = clock.alarm(timeout, ring);
      }
      request.onProgress(sent);
    };
    try {
      const signal = AbortSignal.any([request.signal, stalled.signal]);
      return await transport({ ...request, signal, onProgress });
    } finally {
      cancel();
    }
  };
}

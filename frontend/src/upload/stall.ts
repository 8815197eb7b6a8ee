// A transport that ends a PUT in which nothing moves. Some servers accept a connection and never read it, and a line
// can die without a word: the browser itself would wait for ever. Must not know about parts or retries.
//
// A browser counts a byte as sent when it hands the byte to the operating system. So progress events come as long as a
// line moves, however slowly, and stop when the last bytes are in the system's buffers. From then on only the answer
// tells, and it may take as long as a slow line needs for those buffers. https://xhr.spec.whatwg.org/#the-send()-method
import type { Clock } from "./clock";
import { NetworkError } from "./errors";
import { following } from "./following";
import type { PutAnswer, PutRequest, Transport } from "./transport";

/** Milliseconds. */
export type StallLimits = {
  /** Without a byte that leaves the page. */
  stallTimeout: number;
  /** Without an answer, after the last byte has left the page. */
  answerTimeout: number;
};

/** Rejects with NetworkError when nothing moves for so long. Any byte that leaves starts the time anew. */
export function withStallTimeout(transport: Transport, clock: Clock, limits: StallLimits): Transport {
  return async (request: PutRequest): Promise<PutAnswer> => {
    const { controller: stalled, release } = following(request.signal);
    let cancel = () => {};
    const restart = (timeout: number) => {
      cancel();
      const ring = () => stalled.abort(new NetworkError(`PUT: nothing moved for ${timeout} ms`));
      cancel = clock.alarm(timeout, ring);
    };
    let moved = 0;
    const onProgress = (sent: number) => {
      if (sent !== moved) restart(sent < request.body.size ? limits.stallTimeout : limits.answerTimeout);
      moved = sent;
      request.onProgress(sent);
    };
    restart(limits.stallTimeout);
    try {
      return await transport({ ...request, signal: stalled.signal, onProgress });
    } finally {
      cancel();
      release();
    }
  };
}

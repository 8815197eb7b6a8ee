// A transport that ends a request in which nothing moves. Some servers accept a connection and never read it, and a line
// can die without a word: the browser itself would wait for ever. Must not know about parts or retries.
//
// A browser counts a byte as sent when it hands the byte to the operating system. So progress events come as long as a
// line moves, however slowly, and stop when the last bytes are in the system's buffers. From then on only the answer
// tells, and it may take as long as a slow line needs for those buffers. Of a small form nothing else tells at all. https://xhr.spec.whatwg.org/#the-send()-method
import type { Clock } from "../clock";
import { following } from "../concurrency/linked-abort";
import { NetworkError } from "../errors";
import { isSilent, type SendAnswer, type SendRequest, type Transport } from "../ports";

/** Milliseconds. */
export type StallLimits = {
  /** Without a byte that leaves the page. */
  stallTimeout: number;
  /** Without a byte that leaves the page, as long as none ever did: nobody may be there. */
  firstTimeout: number;
  /** Without an answer, after the last byte has left the page. */
  answerTimeout: number;
};

/** Rejects with NetworkError when nothing moves for so long. Any byte that leaves starts the time anew. */
export function withStallTimeout(transport: Transport, clock: Clock, limits: StallLimits): Transport {
  let wasReached = false;
  return async (request: SendRequest): Promise<SendAnswer> => {
    const { origin: address } = new URL(request.url);
    const { controller: stalled, release } = following(request.signal);
    let cancel = () => {};
    const restart = (timeout: number) => {
      cancel();
      const ring = () => stalled.abort(new NetworkError(`Nothing moved for ${timeout} ms`, { address }));
      cancel = clock.alarm(timeout, ring);
    };
    let moved = 0;
    const onProgress = (sent: number) => {
      if (sent !== moved) restart(sent < request.body.size ? limits.stallTimeout : limits.answerTimeout);
      moved = sent;
      wasReached ||= sent > 0;
      request.onProgress(sent);
    };
    const first = wasReached ? limits.stallTimeout : Math.min(limits.firstTimeout, limits.stallTimeout);
    restart(isSilent(request) ? limits.answerTimeout : first);
    try {
      const answer = await transport({ ...request, signal: stalled.signal, onProgress });
      wasReached = true;
      return answer;
    } finally {
      cancel();
      release();
    }
  };
}

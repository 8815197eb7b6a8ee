// A transport that aborts a request in which nothing moves. Some servers accept a connection and never read from it, and
// a line can fail silently: the browser itself would wait for ever. Must not know about parts or retries.
//
// A browser counts a byte as sent when it hands the byte to the operating system. So progress events come as long as a
// line moves, however slowly, and stop when the last bytes are in the system's buffers. After that only the response
// shows that the line is alive, and it may take as long as a slow line needs for those buffers. A silent form has no
// progress events at all. https://xhr.spec.whatwg.org/#the-send()-method
import type { Clock } from "../clock";
import { linkedAbort } from "../concurrency/linked-abort";
import { NetworkError } from "../errors";
import type { SendRequest, SendResponse, Transport } from "../ports";
import { isSilent } from "../whole/silent-form";

/** Milliseconds. */
export type StallLimits = {
  /** Without a byte that leaves the page. */
  stallTimeout: number;
  /** The same, while no byte has left since the page opened: S3 may be unreachable. */
  firstTimeout: number;
  /** Without a response, after the last byte has left the page. */
  responseTimeout: number;
};

/** Rejects with NetworkError when a time limit is over. Each byte that leaves restarts the time. */
export function withStallTimeout(transport: Transport, clock: Clock, limits: StallLimits): Transport {
  let wasReached = false;
  return async (request: SendRequest): Promise<SendResponse> => {
    const { origin: address } = new URL(request.url);
    const { controller: stalled, release } = linkedAbort(request.signal);
    let cancel = () => {};
    const restart = (timeout: number) => {
      cancel();
      const ring = () => stalled.abort(new NetworkError(`Nothing moved for ${timeout} ms`, { address }));
      cancel = clock.alarm(timeout, ring);
    };
    let before = 0;
    const onProgress = (sent: number) => {
      if (sent !== before) restart(sent < request.body.size ? limits.stallTimeout : limits.responseTimeout);
      before = sent;
      wasReached ||= sent > 0;
      request.onProgress(sent);
    };
    const first = wasReached ? limits.stallTimeout : Math.min(limits.firstTimeout, limits.stallTimeout);
    restart(isSilent(request) ? limits.responseTimeout : first);
    try {
      const response = await transport({ ...request, signal: stalled.signal, onProgress });
      wasReached = true;
      return response;
    } finally {
      cancel();
      release();
    }
  };
}

// Abort controllers that follow another signal, and promises that a signal can reject. AbortSignal.any does the former,
// but only since Safari 17.4, Firefox 124 and Chrome 116:
// https://developer.mozilla.org/docs/Web/API/AbortSignal/any_static
// Must not know the work that is aborted.

export type LinkedAbort = {
  controller: AbortController;
  /** Stops following the signal, which may live much longer. */
  release: () => void;
};

/** Returns a new controller that is aborted, for the same reason, when `signal` is. */
export function linkedAbort(signal: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController();
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow, { once: true });
  return { controller, release: () => signal?.removeEventListener("abort", follow) };
}

/**
 * Returns a promise for `start` to settle; the signal rejects it with its reason when it is aborted first. `start` must
 * not settle it at once. It returns a function that is called when the promise is settled, either way.
 */
export function abortable<T>(
  signal: AbortSignal,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const settleBy = <V>(settle: (value: V) => void) => {
      return (value: V) => {
        signal.removeEventListener("abort", stop);
        end();
        settle(value);
      };
    };
    const fail = settleBy(reject);
    const stop = () => fail(signal.reason);
    signal.addEventListener("abort", stop);
    const end = start(settleBy(resolve), fail);
  });
}

/** Settles as the work does; rejects with the signal's reason if that is aborted first. The work itself continues. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return abortable(signal, (resolve, reject) => {
    work.then(resolve, reject);
    return () => {};
  });
}

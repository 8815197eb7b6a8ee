// Abort controllers that follow another signal. AbortSignal.any does this, but only since Safari 17.4, Firefox 124 and
// Chrome 116: https://developer.mozilla.org/docs/Web/API/AbortSignal/any_static
// Must not know what is aborted.

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

/** Settles as the work does; rejects with the signal's reason if that is aborted first. The work itself continues. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

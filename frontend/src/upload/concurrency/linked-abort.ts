// A controller that ends with somebody else's signal. AbortSignal.any does this, but not before Safari 17.4, Firefox 124
// and Chrome 116: https://developer.mozilla.org/docs/Web/API/AbortSignal/any_static

export type Following = {
  controller: AbortController;
  /** Lets go of the signal followed, which may live much longer. */
  release: () => void;
};

/** A new controller that is aborted, for the same reason, when `signal` is. */
export function following(signal: AbortSignal | undefined): Following {
  const controller = new AbortController();
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow, { once: true });
  return { controller, release: () => signal?.removeEventListener("abort", follow) };
}

/** What the work comes to, or the signal's reason when that is aborted before: others may wait for the same work. */
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

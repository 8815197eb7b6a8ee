// Whether there is a network at all, as far as the browser knows. `true` promises nothing, `false` is reliable.
// Must not know who asks. https://developer.mozilla.org/docs/Web/API/Navigator/onLine

export type Connectivity = {
  isOnline(): boolean;
  /** Resolves when there is a network again; rejects with the signal's reason when aborted. */
  online(signal: AbortSignal): Promise<void>;
};

export const browserConnectivity: Connectivity = {
  isOnline: () => navigator.onLine,
  online: (signal) =>
    new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        removeEventListener("online", go);
        signal.removeEventListener("abort", stop);
        answer();
      };
      const go = () => settle(resolve);
      const stop = () => settle(() => reject(signal.reason));
      addEventListener("online", go);
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      else if (navigator.onLine) go();
    }),
};

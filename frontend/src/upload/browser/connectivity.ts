// Whether there is a network, as far as the browser knows. It is a hint, never a gate: where only the loopback interface
// is up, browsers say that there is none although everything works. Must not know who asks.
// https://developer.mozilla.org/docs/Web/API/Navigator/onLine

export type Connectivity = {
  isOnline(): boolean;
  /** Resolves when the browser next says that the network is back; rejects with the signal's reason when aborted. */
  back(signal: AbortSignal): Promise<void>;
};

export const browserConnectivity: Connectivity = {
  isOnline: () => navigator.onLine,
  back: (signal) =>
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
    }),
};

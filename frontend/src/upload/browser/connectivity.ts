// The port Connectivity in a browser. It is only a hint: with nothing but the loopback interface up, a browser reports no
// network although everything works. Must not know what callers do with it.
// https://developer.mozilla.org/docs/Web/API/Navigator/onLine
import type { Connectivity } from "../ports";

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

// The port Connectivity in a browser. It is only a hint: with nothing but the loopback interface up, a browser reports no
// network although everything works. Must not know what callers do with it.
// https://developer.mozilla.org/docs/Web/API/Navigator/onLine
import { abortable } from "../concurrency/linked-abort";
import type { Connectivity } from "../ports";

export const browserConnectivity: Connectivity = {
  isOnline: () => navigator.onLine,
  back: (signal) =>
    abortable<void>(signal, (resolve) => {
      const wake = () => resolve();
      addEventListener("online", wake);
      return () => removeEventListener("online", wake);
    }),
};

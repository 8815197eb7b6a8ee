// The port Locks in a browser. Only one tab can hold a name, so that two tabs do not send the same upload.
// https://developer.mozilla.org/docs/Web/API/Web_Locks_API
// Must not know what the names stand for.
import type { Locks } from "../ports";

export const browserLocks: Locks = {
  isHeld: async (name) => {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return held.some((lock) => lock.name === name);
  },
  claim: (name) =>
    new Promise((resolve, reject) => {
      // Absent where the page is not served securely: then each tab gets every name.
      if (!navigator.locks) return resolve(() => undefined);
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        if (lock) return new Promise<void>((release) => resolve(release));
        resolve(undefined);
        return undefined;
      };
      navigator.locks.request(name, { ifAvailable: true }, hold).catch(reject);
    }),
};

// One claim on a name across all tabs of this browser, so that two of them do not send one upload.
// https://developer.mozilla.org/docs/Web/API/Web_Locks_API
// Must not know what is claimed.

export type Locks = {
  /** A function that gives the name back; undefined when another tab has it. */
  claim(name: string): Promise<(() => void) | undefined>;
  /** Whether any tab has the name. */
  isHeld(name: string): Promise<boolean>;
};

export const browserLocks: Locks = {
  isHeld: async (name) => {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return held.some((lock) => lock.name === name);
  },
  claim: (name) =>
    new Promise((resolve, reject) => {
      // Absent where the page is not served securely; then tabs know nothing of each other.
      if (!navigator.locks) return resolve(() => undefined);
      const held = (lock: Lock | null): Promise<void> | undefined => {
        if (lock) return new Promise<void>((release) => resolve(release));
        resolve(undefined);
        return undefined;
      };
      navigator.locks.request(name, { ifAvailable: true }, held).catch(reject);
    }),
};

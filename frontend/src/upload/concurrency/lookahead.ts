// How many small files are under way at once, between being hashed and being in S3: enough that no connection ever waits
// for a hash or a sheet, few enough that their sheets do not expire on a slow line. Once it is full, files are let in again
// when half of them have left: those that come together are created together, in one call.
// Must not know what is done with a file.

export type LookaheadRule = {
  /** So many files. */
  files: number;
  /** So many bytes; one file alone may have more. */
  bytes: number;
};

export class Lookahead {
  readonly #rule: LookaheadRule;
  readonly #waiting = new Set<Waiting>();
  #files = 0;
  #bytes = 0;
  #isFull = false;

  constructor(rule: LookaheadRule) {
    this.#rule = rule;
  }

  /** Does the work for a file of `size` bytes once there is room; stops waiting when the signal is aborted. */
  async use<T>(size: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(size, signal);
    try {
      return await work();
    } finally {
      this.#files--;
      this.#bytes -= size;
      this.#look();
    }
  }

  #enter(size: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
      };
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const waiting = { size, go };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiting);
      this.#look();
    });
  }

  #look(): void {
    const { files, bytes } = this.#rule;
    if (this.#files <= files / 2 && this.#bytes <= bytes / 2) this.#isFull = false;
    for (const waiting of this.#waiting) {
      const fits = this.#files < files && this.#bytes + waiting.size <= bytes;
      this.#isFull ||= !fits && this.#files > 0;
      if (this.#isFull) return;
      this.#waiting.delete(waiting);
      this.#files++;
      this.#bytes += waiting.size;
      waiting.go();
    }
  }
}

type Waiting = { size: number; go: () => void };

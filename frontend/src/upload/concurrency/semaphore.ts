// A counting semaphore: a limited number of callers work at a time, first come, first served.
// Must not know what the work is.

export class Semaphore {
  #used = 0;
  readonly #count: () => number;
  readonly #waiting: (() => void)[] = [];

  /** `count` may change: call `admit` after it has grown. */
  constructor(count: number | (() => number)) {
    this.#count = typeof count === "number" ? () => count : count;
  }

  /** Does the work once a place is free; stops waiting when the signal is aborted. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#acquire(signal);
    try {
      return await work();
    } finally {
      this.#used--;
      this.admit();
    }
  }

  /** Lets in waiting callers while places are free. */
  admit(): void {
    while (this.#waiting.length > 0 && this.#used < this.#count()) {
      this.#used++;
      this.#waiting.shift()?.();
    }
  }

  #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used < this.#count()) {
      this.#used++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      this.#waiting.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

// Who may work now: so many places, first come first served. Must not know what the work is.

export class Slots {
  #used = 0;
  readonly #count: () => number;
  readonly #waiting: (() => void)[] = [];

  /** `count` may change; it is asked whenever a place is wanted or given back. */
  constructor(count: number | (() => number)) {
    this.#count = typeof count === "number" ? () => count : count;
  }

  /** Does the work once a place is free; stops waiting when the signal is aborted. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#used--;
      this.look();
    }
  }

  /** Lets in whoever there is a place for. */
  look(): void {
    while (this.#waiting.length > 0 && this.#used < this.#count()) {
      this.#used++;
      this.#waiting.shift()?.();
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used < this.#count()) {
      this.#used++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      this.#waiting.push(turn);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

// A counting semaphore: a limited number of callers work at a time, first come, first served.
// Must not know what the work is.
import { abortable } from "./linked-abort";

export class Semaphore {
  #used = 0;
  readonly #count: () => number;
  readonly #waiting = new Set<() => void>();

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
    for (const enter of this.#waiting) {
      if (this.#used >= this.#count()) return;
      this.#used++;
      enter();
    }
  }

  #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used < this.#count()) {
      this.#used++;
      return Promise.resolve();
    }
    return abortable<void>(signal, (enter) => {
      this.#waiting.add(enter);
      return () => this.#waiting.delete(enter);
    });
  }
}

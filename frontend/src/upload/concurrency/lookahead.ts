// Limits how many small files are between being hashed and being in S3. They are enough that no connection waits for a
// hash or a sheet, and few enough that their sheets do not expire on a slow line. Once the limit is reached, no file
// enters until half of them have left: files that enter together are created together, in one call.
// Must not know how a file is hashed, created or sent.
import { abortable } from "./linked-abort";

export type LookaheadRule = {
  files: number;
  /** The sum of their sizes; a single file may have more. */
  bytes: number;
};

type Waiter = { size: number; enter: () => void };

export class Lookahead {
  readonly #rule: LookaheadRule;
  readonly #waiting = new Set<Waiter>();
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
      this.#admit();
    }
  }

  #enter(size: number, signal: AbortSignal): Promise<void> {
    const entered = abortable<void>(signal, (enter) => {
      const waiter = { size, enter };
      this.#waiting.add(waiter);
      return () => this.#waiting.delete(waiter);
    });
    this.#admit();
    return entered;
  }

  #admit(): void {
    const { files, bytes } = this.#rule;
    if (this.#files <= files / 2 && this.#bytes <= bytes / 2) this.#isFull = false;
    for (const waiter of this.#waiting) {
      const fits = this.#files < files && this.#bytes + waiter.size <= bytes;
      this.#isFull ||= !fits && this.#files > 0;
      if (this.#isFull) return;
      this.#files++;
      this.#bytes += waiter.size;
      waiter.enter();
    }
  }
}

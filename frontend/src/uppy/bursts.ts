// News of many files, told together: whoever shows them looks at all files for each. What is told alone is told at once.
// Must not know what is told.

/** Milliseconds that a burst may take; what is left waits for the next. */
const SHARE = 16;

export class Bursts {
  readonly #interval: number;
  readonly #waiting = new Map<string, () => void>();
  #last = Number.NEGATIVE_INFINITY;
  #next: Promise<void> | undefined;

  /** At most one burst in so many milliseconds. */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /**
   * Tells it now, if nothing was told just before, or with one of the next bursts; in place of older news under this key.
   * Resolves when it was told.
   */
  tell(key: string, news: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(key, () => {
        news();
        resolve();
      });
      if (!this.#next && performance.now() - this.#last >= this.#interval) this.#burst();
      else this.#next ??= this.#soon();
    });
  }

  /** Tells it with the next burst, unless there are newer news by then. */
  hint(key: string, news: () => void): void {
    this.#waiting.set(key, news);
    this.#next ??= this.#soon();
  }

  async #soon(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#interval));
    this.#next = undefined;
    this.#burst();
  }

  #burst(): void {
    this.#last = performance.now();
    for (const [key, news] of this.#waiting) {
      this.#waiting.delete(key);
      news();
      if (performance.now() - this.#last > SHARE) break;
    }
    if (this.#waiting.size > 0) this.#next ??= this.#soon();
  }
}

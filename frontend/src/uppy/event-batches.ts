// Delivers the events of many files in batches, because Uppy looks at all its files for each event.
// A single event is delivered at once. Must not know what the events are.

/** A batch may take this many milliseconds; the remaining events wait for the next batch. */
const SHARE = 16;

export class EventBatches {
  readonly #interval: number;
  readonly #waiting = new Map<string, () => void>();
  #last = Number.NEGATIVE_INFINITY;
  #next: Promise<void> | undefined;

  /** `interval`: milliseconds between two batches, at least. */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /**
   * Delivers an event at once when the last batch was long enough ago, otherwise in a later batch. It replaces a waiting
   * event with the same key. Resolves when the event is delivered.
   */
  deliver(key: string, event: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(key, () => {
        event();
        resolve();
      });
      if (!this.#next && performance.now() - this.#last >= this.#interval) this.#run();
      else this.#next ??= this.#schedule();
    });
  }

  /** Delivers an event in the next batch, unless a newer event with the same key replaces it. */
  deliverLater(key: string, event: () => void): void {
    this.#waiting.set(key, event);
    this.#next ??= this.#schedule();
  }

  async #schedule(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#interval));
    this.#next = undefined;
    this.#run();
  }

  #run(): void {
    this.#last = performance.now();
    for (const [key, event] of this.#waiting) {
      this.#waiting.delete(key);
      event();
      if (performance.now() - this.#last > SHARE) break;
    }
    if (this.#waiting.size > 0) this.#next ??= this.#schedule();
  }
}

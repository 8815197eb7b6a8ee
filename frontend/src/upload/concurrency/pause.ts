// A switch that makes work wait while it is on. Must not know what is paused.

export class Pause {
  #waiting: (() => void)[] | undefined;

  get isOn(): boolean {
    return this.#waiting !== undefined;
  }

  on(): void {
    this.#waiting ??= [];
  }

  off(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }

  /** Resolves at once, or when the switch goes off; rejects when the signal is aborted. */
  passed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#waiting) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting?.push(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
    });
  }
}

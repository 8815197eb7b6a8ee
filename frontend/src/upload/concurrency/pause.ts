// A switch that makes work wait while it is on. Must not know the work.
import { abortable } from "./linked-abort";

export class Pause {
  /** The callers that wait; undefined while the switch is off. */
  #waiting: Set<() => void> | undefined;

  get isOn(): boolean {
    return this.#waiting !== undefined;
  }

  on(): void {
    this.#waiting ??= new Set();
  }

  off(): void {
    const waiting = this.#waiting ?? new Set();
    this.#waiting = undefined;
    for (const wake of waiting) wake();
  }

  /** Resolves at once, or when the switch goes off; rejects when the signal is aborted. */
  passed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const waiting = this.#waiting;
    if (!waiting) return Promise.resolve();
    return abortable<void>(signal, (wake) => {
      waiting.add(wake);
      return () => waiting.delete(wake);
    });
  }
}

// Clocks for tests: one whose waits end at once, and one that a test advances by hand.
import type { Clock } from "../../src/upload/clock";

/** Every wait ends at once and advances the time; `waits` records them. */
export class RushingClock implements Clock {
  time = Date.parse("2030-01-01T00:00:00Z");
  readonly waits: number[] = [];
  now = () => this.time;
  random = () => 1;
  readonly #alarms = new Set<() => void>();

  /** Rings only when a test calls `ring`: nothing takes time here. */
  alarm(_: number, ring: () => void): () => void {
    this.#alarms.add(ring);
    return () => this.#alarms.delete(ring);
  }

  ring(): void {
    for (const ring of this.#alarms) ring();
  }

  async wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.waits.push(milliseconds);
    this.time += milliseconds;
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
}

type Sleeper = { until: number; wake: () => void };

/** Time passes only when a test calls `advance`. */
export class HandClock implements Clock {
  time = 0;
  #sleepers: Sleeper[] = [];
  readonly #settled: () => Promise<void>;

  /** `settle` runs all work that is ready, after each advance. */
  constructor(settle = settled) {
    this.#settled = settle;
  }

  now = () => this.time;
  random = () => 1;

  alarm(milliseconds: number, ring: () => void): () => void {
    const sleeper = { until: this.time + milliseconds, wake: ring };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
    };
  }

  wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      this.#sleepers.push({ until: this.time + milliseconds, wake: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }

  async advance(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    const due = this.#sleepers.filter(({ until }) => until <= this.time);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.time);
    for (const { wake } of due) wake();
    await this.#settled();
  }
}

/** Runs all work that is ready. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

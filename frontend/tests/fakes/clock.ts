// Clocks for tests: one that never makes anybody wait, one that a test moves by hand.
import type { Clock } from "../../src/upload/clock";

/** Every wait ends at once and moves the time on; `waits` remembers them. */
export class RushingClock implements Clock {
  time = Date.parse("2030-01-01T00:00:00Z");
  readonly waits: number[] = [];
  now = () => this.time;
  random = () => 1;
  readonly #alarms = new Set<() => void>();

  /** Rings only when a test says so: nothing takes time here. */
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

/** Time passes only by `advance`. */
export class HandClock implements Clock {
  time = 0;
  #sleepers: Sleeper[] = [];
  readonly #settled: () => Promise<void>;

  /** `settle` lets everything that can go on go on, each time that time has passed. */
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

/** Lets everything that can go on go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

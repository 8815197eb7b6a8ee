// How many requests are in flight to each host name. The limit starts and adapts as TCP does. It grows by one whenever
// throughput exceeds its maximum so far. When S3 throttles it is halved, and from then on it grows by one for every
// round of loads that arrive (additive increase, multiplicative decrease).
// Must not know files or parts, nor how many bytes the line can take (in-flight-limit.ts).
import type { Clock } from "../clock";

/** Milliseconds over which throughput is measured: browsers report progress about as often. */
const INTERVAL = 100;
/** Throughput counts as grown when it is this many times its maximum so far. */
const GROWTH = 1.1;

export type AdaptiveLimitOptions = {
  /** The limit at first. */
  first: number;
  most: number;
  clock: Clock;
};

export class AdaptiveLimit {
  readonly #most: number;
  readonly #clock: Clock;
  #current = 1;
  /** Until S3 throttles, throughput decides; after that, rounds of loads. */
  #isStarting = true;
  #interval = { start: 0, bytes: 0 };
  /** The highest throughput so far, in bytes per millisecond. */
  #best = 0;
  /** How many loads must arrive before the limit grows. */
  #round = 0;

  constructor({ first, most, clock }: AdaptiveLimitOptions) {
    this.#most = most;
    this.#clock = clock;
    this.#set(first);
  }

  get current(): number {
    return this.#current;
  }

  /** Counts bytes that have left. */
  addSent(bytes: number): void {
    if (!this.#isStarting) return;
    const now = this.#clock.now();
    this.#interval.bytes += bytes;
    const time = now - this.#interval.start;
    if (time < INTERVAL) return;
    const rate = this.#interval.bytes / time;
    this.#interval = { start: now, bytes: 0 };
    if (rate <= GROWTH * this.#best) return;
    this.#best = rate;
    this.#set(this.#current + 1);
  }

  /** S3 has received a load. */
  arrived(): void {
    if (!this.#isStarting && --this.#round === 0) this.#set(this.#current + 1);
  }

  /** S3 is busy. */
  throttled(): void {
    this.#isStarting = false;
    this.#set(Math.floor(this.#current / 2));
  }

  #set(limit: number): void {
    this.#current = Math.min(this.#most, Math.max(1, limit));
    this.#round = this.#current;
  }
}

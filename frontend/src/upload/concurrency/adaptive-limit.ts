// How many parts travel at once to each host name. It starts and adapts as TCP does: a few begin, one more whenever
// throughput is higher than it ever was; half as many when S3 pushes back, and from then on one more for every round of
// parts that arrive (additive increase, multiplicative decrease). How much the line is good for is line.ts's matter.
// Must not know what travels.
import type { Clock } from "../clock";

/** Throughput is taken over so long (milliseconds): browsers tell of progress about as often. */
const WINDOW = 100;
/** Throughput has grown when it is so many times what it was at best. */
const GROWN = 1.1;

export type WidthOptions = {
  /** So many begin. */
  first: number;
  most: number;
  clock: Clock;
};

export class Width {
  readonly #most: number;
  readonly #clock: Clock;
  #now = 1;
  /** Until S3 pushes back, throughput decides; after that, rounds of parts. */
  #starting = true;
  #window = { began: 0, bytes: 0 };
  /** Bytes a millisecond. */
  #best = 0;
  /** So many parts are still to arrive before it grows. */
  #round = 0;

  constructor({ first, most, clock }: WidthOptions) {
    this.#most = most;
    this.#clock = clock;
    this.#change(first);
  }

  get now(): number {
    return this.#now;
  }

  /** Bytes have left. */
  moved(bytes: number): void {
    if (!this.#starting) return;
    const now = this.#clock.now();
    this.#window.bytes += bytes;
    const time = now - this.#window.began;
    if (time < WINDOW) return;
    const rate = this.#window.bytes / time;
    this.#window = { began: now, bytes: 0 };
    if (rate <= GROWN * this.#best) return;
    this.#best = rate;
    this.#change(this.#now + 1);
  }

  /** S3 has a part. */
  arrived(): void {
    if (!this.#starting && --this.#round === 0) this.#change(this.#now + 1);
  }

  /** S3 is busy. */
  pushedBack(): void {
    this.#starting = false;
    this.#change(Math.floor(this.#now / 2));
  }

  #change(width: number): void {
    this.#now = Math.min(this.#most, Math.max(1, width));
    this.#round = this.#now;
  }
}

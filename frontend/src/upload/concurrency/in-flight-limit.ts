// How many bytes may be in flight together: as many as the line sends within a horizon, by its measured rate. When a
// connection breaks, the bytes sent of its part are lost. So the horizon is halved whenever connections break, and
// grows with every arrival. The measured rate stays: a line that breaks is not slower.
// Must not know hosts, files or parts.
import type { Clock } from "../clock";
import { LineRate } from "./line-rate";

/** Milliseconds in which all bytes in flight should have arrived. */
const HORIZON = 15_000;
/** Milliseconds by which an arrival lengthens a horizon that was halved. */
const STEP = 1_000;
/** Connections that break within this many milliseconds count as one break. */
const SAME_BREAK = 1_000;
/** After this many breaks without an arrival, the line counts as letting nothing through. */
const MAX_BREAKS = 3;

export class InFlightLimit {
  readonly #clock: Clock;
  readonly #rate = new LineRate();
  #horizon = HORIZON;
  #lastBreak = Number.NEGATIVE_INFINITY;
  #breaks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The limit. Infinite while the rate is unknown. */
  get bytes(): number {
    const rate = this.#rate.current;
    return rate === undefined ? Number.POSITIVE_INFINITY : rate * this.#horizon;
  }

  /** The line broke several times, and nothing arrived in between. */
  get breaksAlways(): boolean {
    return this.#breaks >= MAX_BREAKS;
  }

  /** Counts bytes that have left. */
  addSent(bytes: number): void {
    this.#rate.addSent(bytes, this.#clock.now());
  }

  /** Counts bytes that have arrived. */
  addArrived(bytes: number): void {
    this.#rate.addArrived(bytes);
    this.#breaks = 0;
    this.#horizon = Math.min(HORIZON, this.#horizon + STEP);
  }

  /** A connection broke after bytes had left. */
  broke(): void {
    const now = this.#clock.now();
    if (now - this.#lastBreak >= SAME_BREAK) {
      this.#breaks++;
      this.#horizon /= 2;
    }
    this.#lastBreak = now;
  }

  /** Nothing is in flight, or a request has failed: the time until the next byte leaves does not count. */
  rest(): void {
    this.#rate.rest();
  }
}

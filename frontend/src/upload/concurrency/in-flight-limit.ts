// How much may travel at once so that what has begun is through in good time: as much as the line sends in HORIZON by
// its measured rate. Connections may break before that, and what had travelled of a part is lost then; so the time is
// halved whenever the line breaks, and grows with every arrival. A line that breaks is no slower for it: its rate is kept.
// Must not know hosts, files or parts.
import type { Clock } from "../clock";
import { LineRate } from "./line-rate";

/** Milliseconds in which all that travels should be through. */
const HORIZON = 15_000;
/** So much longer (milliseconds) it may take with every arrival after the line broke. */
const STEP = 1_000;
/** What breaks within so many milliseconds broke at once. */
const AT_ONCE = 1_000;
/** A line that broke so often in a row lets nothing through. */
const OFTEN = 3;

export class Line {
  readonly #clock: Clock;
  readonly #rate = new LineRate();
  #horizon = HORIZON;
  #brokeAt = Number.NEGATIVE_INFINITY;
  #breaks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** So many bytes may be under way. */
  get bound(): number {
    return this.#rate.now === undefined ? Number.POSITIVE_INFINITY : this.#rate.now * this.#horizon;
  }

  /** The line broke again and again, and nothing arrived in between. */
  get breaksAlways(): boolean {
    return this.#breaks >= OFTEN;
  }

  moved(bytes: number): void {
    this.#rate.moved(bytes, this.#clock.now());
  }

  /** So many bytes have arrived. */
  arrived(bytes: number): void {
    this.#rate.arrived(bytes);
    this.#breaks = 0;
    this.#horizon = Math.min(HORIZON, this.#horizon + STEP);
  }

  /** Something was cut off after bytes had left. */
  broke(): void {
    const now = this.#clock.now();
    if (now - this.#brokeAt >= AT_ONCE) {
      this.#breaks++;
      this.#horizon /= 2;
    }
    this.#brokeAt = now;
  }

  /** Nothing travels any more, or what travelled has failed. */
  rest(): void {
    this.#rate.rest();
  }
}

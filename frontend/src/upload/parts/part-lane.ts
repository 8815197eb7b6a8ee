// One lane of an upload: it sends parts one after the other, over about one connection, and knows its own speed.
// Must not know how parts are sent, nor about other lanes.
import type { Clock } from "../clock";

export class PartLane {
  /** It sends nothing and is not about to: it left its part to other lanes, or failed. */
  isIdle = false;
  /** It has stopped for good. A connection that starts again on a full line starves there. */
  isRetired = false;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  /** The last part that arrived: its bytes, and the milliseconds it took. */
  #last = { size: 0, time: 0 };
  #part: { size: number; sent: number; start: number } | undefined;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** A part of `size` bytes starts. */
  start(size: number): void {
    this.#part = { size, sent: 0, start: this.#clock.now() };
    this.isIdle = false;
  }

  /** `sent` bytes of the part have left. */
  progress(sent: number): void {
    if (this.#part) this.#part.sent = sent;
  }

  /** The part has arrived or failed. */
  end(hasArrived: boolean): void {
    const { size = 0, start = 0 } = this.#part ?? {};
    if (hasArrived) this.#last = { size, time: this.#clock.now() - start };
    this.#part = undefined;
    this.isIdle = !hasArrived;
    this.#onEnd();
  }

  /** Milliseconds for `size` bytes, estimated from the last part and the one in flight; NaN when nothing is known. */
  timeFor(size: number): number {
    const { sent, start } = this.#part ?? { sent: 0, start: this.#clock.now() };
    return (size * (this.#last.time + this.#clock.now() - start)) / (this.#last.size + sent);
  }

  /** Bytes per millisecond; 0 when nothing is known. */
  get rate(): number {
    return 1 / this.timeFor(1) || 0;
  }

  /** How many parts of `size` bytes this lane can send within `time` milliseconds, after the one in flight. */
  partsWithin(time: number, size: number): number {
    if (this.isIdle) return 0;
    const now = this.#clock.now();
    const part = this.#part ?? { size: 0, start: now };
    const rest = Math.max(0, this.timeFor(part.size) - (now - part.start));
    return Math.floor(Math.max(0, time - rest) / this.timeFor(size)) || 0;
  }
}

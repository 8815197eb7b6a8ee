// The parts of one file that are still to be sent, and who takes the next. Connections that share a line differ by up
// to ten times; near the end a slow one would hold for long what another has sent sooner.
// Must not know how parts travel, nor where to.
import type { Clock } from "./clock";

/** What one leaves of the line speeds up the others: they may take so many times as long and still be sooner. */
const PATIENCE = 1.15;

/** One of those that send the parts of a file, one after the other, and how fast it was. */
export class Sender {
  /** It sends nothing and is not about to: it left what there is to others, or failed. */
  idle = false;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  /** The last part that arrived: its bytes, and the milliseconds it took. */
  #last = { size: 0, time: 0 };
  #part: { size: number; sent: number; began: number } | undefined;

  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  begins(size: number): void {
    this.#part = { size, sent: 0, began: this.#clock.now() };
    this.idle = false;
  }

  moved(sent: number): void {
    if (this.#part) this.#part.sent = sent;
  }

  ended(arrived: boolean): void {
    const { size = 0, began = 0 } = this.#part ?? {};
    if (arrived) this.#last = { size, time: this.#clock.now() - began };
    this.#part = undefined;
    this.idle = !arrived;
    this.#onEnd();
  }

  /** Milliseconds for a part of `size` bytes, by the last part and the one under way; NaN when nothing is known. */
  time(size: number): number {
    const { sent, began } = this.#part ?? { sent: 0, began: this.#clock.now() };
    return (size * (this.#last.time + this.#clock.now() - began)) / (this.#last.size + sent);
  }

  /** How many parts of `size` bytes it can have sent, after the one under way, within so many milliseconds. */
  after(time: number, size: number): number {
    if (this.idle) return 0;
    const now = this.#clock.now();
    const under = this.#part ?? { size: 0, began: now };
    const rest = Math.max(0, this.time(under.size) - (now - under.began));
    return Math.floor(Math.max(0, time - rest) / this.time(size)) || 0;
  }
}

export class PartQueue {
  readonly senders: readonly Sender[];
  readonly #numbers: number[];
  readonly #sizeOf: (number: number) => number;
  #changed = Promise.resolve();
  #tellChange = () => {};

  /** `numbers` of parts and their bytes, for `count` senders. */
  constructor(numbers: readonly number[], sizeOf: (number: number) => number, count: number, clock: Clock) {
    this.#numbers = [...numbers];
    this.#sizeOf = sizeOf;
    this.senders = Array.from({ length: count }, () => new Sender(clock, () => this.#change()));
    this.#change();
  }

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  /** Resolves when the next part has ended: whoever left a part to others may think again. */
  get changed(): Promise<void> {
    return this.#changed;
  }

  /**
   * The next part that is for this sender; none for one that would take longer over it than the others over all that
   * are left.
   */
  next(sender: Sender, isFor: (number: number) => boolean = () => true): number | undefined {
    sender.idle = true;
    const number = this.#numbers.find(isFor);
    if (number === undefined) return undefined;
    const size = this.#sizeOf(number);
    const time = PATIENCE * sender.time(size);
    const others = this.senders.reduce((sum, other) => sum + other.after(time, size), 0);
    if (others >= this.#numbers.length) return undefined;
    sender.begins(size);
    this.#numbers.splice(this.#numbers.indexOf(number), 1);
    return number;
  }

  #change(): void {
    this.#tellChange();
    this.#changed = new Promise((resolve) => {
      this.#tellChange = resolve;
    });
  }
}

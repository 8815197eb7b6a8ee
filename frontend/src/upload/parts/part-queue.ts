// The parts of one file that are still to be sent, and who takes the next. Connections that share a line differ by up
// to ten times; near the end a slow one would hold for long what another has sent sooner, and those that are done leave
// the line idle, because TCP takes seconds to take up what another leaves. So the slow ones stop early, one by one.
// Must not know how parts travel, nor where to.
import type { Clock } from "../clock";

/** What one leaves of the line speeds up the others: they may take so many times as long and still be sooner. */
const PATIENCE = 1.15;
/** Towards the end fewer send: half of all, and one more for so many parts as are left. */
const PARTS_EACH = 14;
/** Whoever is slower than so much of the mean stops first, */
const SLOW = 0.6;
/** while the others make so much of what all made at best: where they do not take up what it left, they share no line. */
const ENOUGH = 0.85;

/** One of those that send the parts of a file, one after the other, and how fast it was. */
export class Sender {
  /** It sends nothing and is not about to: it left what there is to others, or failed. */
  idle = false;
  /** It stopped for good: a connection that begins again on a line that is full starves there. */
  gone = false;
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

  /** Bytes a millisecond; 0 when nothing is known. */
  get rate(): number {
    return 1 / this.time(1) || 0;
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
  /** Bytes a millisecond, of all senders together, when they were fastest. */
  #best = 0;
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
   * are left, and none any more for one too many, which is never one that may not send every part (`isFor`).
   */
  next(sender: Sender, isFor?: (number: number) => boolean): number | undefined {
    sender.idle = true;
    sender.gone ||= !isFor && this.#isOneTooMany(sender);
    const number = isFor ? this.#numbers.find(isFor) : this.#numbers[0];
    if (number === undefined || sender.gone) return undefined;
    const size = this.#sizeOf(number);
    const time = PATIENCE * sender.time(size);
    const others = this.senders.reduce((sum, other) => sum + other.after(time, size), 0);
    if (others >= this.#numbers.length) return undefined;
    sender.begins(size);
    this.#numbers.splice(this.#numbers.indexOf(number), 1);
    return number;
  }

  #isOneTooMany({ rate }: Sender): boolean {
    const rates = this.senders.filter(({ gone }) => !gone).map((sender) => sender.rate);
    const all = rates.reduce((sum, each) => sum + each, 0);
    if (rates.length === this.senders.length) this.#best = Math.max(this.#best, all);
    const wanted = this.senders.length / 2 + this.#numbers.length / PARTS_EACH;
    return (
      rates.length > Math.ceil(wanted) &&
      rate < (SLOW * all) / rates.length &&
      all - rate > ENOUGH * this.#best
    );
  }

  #change(): void {
    this.#tellChange();
    this.#changed = new Promise((resolve) => {
      this.#tellChange = resolve;
    });
  }
}

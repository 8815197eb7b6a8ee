// The parts of one file that still have to be sent, and the decision which lane sends the next. Connections that share a
// line differ in speed by up to ten times. Near the end, a slow one would hold its last part for long after the others
// are done, and TCP takes seconds to use the bandwidth that finished connections free. So slow lanes stop early, one by
// one. Must not know how parts are sent, nor to which host.
import type { Clock } from "../clock";
import { PartLane } from "./part-lane";

/** A lane leaves a part to the others when they finish all parts within this many times its own time for one part. */
const PATIENCE = 1.15;
/** Near the end half of the lanes suffice, plus one for every 14 parts that remain. */
const PARTS_PER_LANE = 14;
/** A lane below this share of the mean speed may be retired. */
const SLOW = 0.6;
/** The others must reach this share of the best total speed; otherwise the lane does not share their bottleneck. */
const ENOUGH = 0.85;

export class PartQueue {
  readonly lanes: readonly PartLane[];
  readonly #numbers: number[];
  readonly #sizeOf: (number: number) => number;
  /** The best total speed of all lanes so far, in bytes per millisecond. */
  #best = 0;
  #partEnded = Promise.resolve();
  #resolvePartEnded = () => {};

  /** `numbers` of the parts and their sizes in bytes, for `count` lanes. */
  constructor(numbers: readonly number[], sizeOf: (number: number) => number, count: number, clock: Clock) {
    this.#numbers = [...numbers];
    this.#sizeOf = sizeOf;
    this.lanes = Array.from({ length: count }, () => new PartLane(clock, () => this.#nextPromise()));
    this.#nextPromise();
  }

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  /** Resolves when the next part ends: a lane that left a part to the others should ask again. */
  get partEnded(): Promise<void> {
    return this.#partEnded;
  }

  /**
   * Returns the next part for this lane, or undefined. It is undefined when the other lanes will have sent all remaining
   * parts before this one could finish one, or when this lane was retired for being slow. A lane that may send only some
   * parts (`isFor`) is never retired.
   */
  next(lane: PartLane, isFor?: (number: number) => boolean): number | undefined {
    lane.isIdle = true;
    lane.isRetired ||= !isFor && this.#isTooSlow(lane);
    const number = isFor ? this.#numbers.find(isFor) : this.#numbers[0];
    if (number === undefined || lane.isRetired) return undefined;
    const size = this.#sizeOf(number);
    const time = PATIENCE * lane.timeFor(size);
    const others = this.lanes.reduce((sum, other) => sum + other.partsWithin(time, size), 0);
    if (others >= this.#numbers.length) return undefined;
    lane.start(size);
    this.#numbers.splice(this.#numbers.indexOf(number), 1);
    return number;
  }

  #isTooSlow({ rate }: PartLane): boolean {
    const rates = this.lanes.filter(({ isRetired }) => !isRetired).map((lane) => lane.rate);
    const total = rates.reduce((sum, each) => sum + each, 0);
    if (rates.length === this.lanes.length) this.#best = Math.max(this.#best, total);
    const needed = this.lanes.length / 2 + this.#numbers.length / PARTS_PER_LANE;
    return (
      rates.length > Math.ceil(needed) &&
      rate < (SLOW * total) / rates.length &&
      total - rate > ENOUGH * this.#best
    );
  }

  #nextPromise(): void {
    this.#resolvePartEnded();
    this.#partEnded = new Promise((resolve) => {
      this.#resolvePartEnded = resolve;
    });
  }
}

// How many parts travel at once to each host name: few at first, more as long as the line gives more for it, fewer
// when S3 pushes back. After TCP's slow start and additive increase, multiplicative decrease.
// Must not know what travels.
import type { Clock } from "./clock";

const FIRST = 2;
/** A round that brings less than this share of the one before shows that the line is full. */
const FULL = 0.9;

export class Width {
  readonly #most: number;
  readonly #clock: Clock;
  #now: number;
  /** One more for every part that begins to move; after the first setback, one more for every round. */
  #slowStart = true;
  /** So many parts are still to come, so much has, since then. */
  #round = { parts: FIRST, bytes: 0, began: 0 };
  #lastRate = 0;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
    this.#now = Math.min(FIRST, most);
    this.#newRound();
  }

  get now(): number {
    return this.#now;
  }

  /** A part's first bytes are under way: the line is open. */
  began(): void {
    if (this.#slowStart) this.#grow();
  }

  arrived(bytes: number): void {
    this.#round.parts--;
    this.#round.bytes += bytes;
    if (this.#round.parts === 0) this.#endRound();
  }

  /** S3 is busy, or nobody answers. */
  pushedBack(): void {
    this.#slowStart = false;
    this.#now = Math.max(1, Math.floor(this.#now / 2));
    this.#lastRate = 0;
    this.#newRound();
  }

  #endRound(): void {
    const rate = this.#round.bytes / Math.max(1, this.#clock.now() - this.#round.began);
    if (this.#lastRate > 0 && rate < this.#lastRate * FULL) this.#slowStart = false;
    else if (!this.#slowStart) this.#grow();
    this.#lastRate = rate;
    this.#newRound();
  }

  #newRound(): void {
    this.#round = { parts: this.#now, bytes: 0, began: this.#clock.now() };
  }

  #grow(): void {
    this.#now = Math.min(this.#most, this.#now + 1);
  }
}

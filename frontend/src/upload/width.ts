// How many parts travel at once to each host name: all that may, from the first on, fewer when S3 pushes back. They
// begin together, because connections that come later to a line that is full starve there (bench/line.py): TCP itself
// starts small. After its additive increase, multiplicative decrease. Must not know what travels.

export class Width {
  readonly #most: number;
  #now: number;
  /** So many parts are still to arrive before it grows. */
  #round: number;

  constructor(most: number) {
    this.#most = most;
    this.#now = most;
    this.#round = most;
  }

  get now(): number {
    return this.#now;
  }

  /** One more for every round of parts that arrive. */
  arrived(): void {
    if (--this.#round === 0) this.#change(this.#now + 1);
  }

  /** S3 is busy, or nobody answers. */
  pushedBack(): void {
    this.#change(Math.floor(this.#now / 2));
  }

  #change(width: number): void {
    this.#now = Math.min(this.#most, Math.max(1, width));
    this.#round = this.#now;
  }
}

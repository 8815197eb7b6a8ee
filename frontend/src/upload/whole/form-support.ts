// Whether files that are sent whole may be sent as forms, which need no preflight. Some proxies, and S3's look-alikes, take
// a PUT and refuse a form: where that happened to several files in a row, later ones are PUT at once.
// Must not know how a file is sent.

/** One file alone proves nothing: S3 may have been out of order until its PUT. */
const ENOUGH = 2;

export class Posting {
  #fallen = 0;
  #isAnswered = false;

  get strategy(): "post" | "put" {
    return this.#fallen < ENOUGH ? "post" : "put";
  }

  /** Whether any form was ever answered: then no answer means an outage, and says nothing about forms. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  answered(): void {
    this.#isAnswered = true;
  }

  /** S3 took a file as a form. */
  passed(): void {
    this.#fallen = 0;
  }

  /** S3 took a file by PUT that it had not taken as a form. */
  fell(): void {
    this.#fallen++;
  }
}

// Whether files that are sent whole are sent as forms, which need no CORS preflight. Some proxies and S3-compatible
// servers take a PUT and refuse a form: after this has happened to several files in a row, later ones are sent by PUT.
// Must not know how a file is sent.

/** A single file proves nothing: S3 may have been out of order before its PUT. */
const ENOUGH = 2;

export class FormSupport {
  /** Files in a row that S3 took by PUT only. */
  #refusals = 0;
  #isAnswered = false;

  get strategy(): "post" | "put" {
    return this.#refusals < ENOUGH ? "post" : "put";
  }

  /** Whether any form has had a response. From then on a missing response means an outage, not a refused form. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  answered(): void {
    this.#isAnswered = true;
  }

  /** S3 took a file as a form. */
  accepted(): void {
    this.#refusals = 0;
  }

  /** S3 took a file by PUT after it had refused the form. */
  refused(): void {
    this.#refusals++;
  }
}

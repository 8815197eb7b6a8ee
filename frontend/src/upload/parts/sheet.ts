// Presigned URLs from a sheet of signatures. A new sheet is requested before the current one expires, when S3 refuses
// it, or for a part that is not on it. Parts that need it at the same time share one request.
// Must not know what the URLs are used for.

import type { Sheet, SheetRequest } from "../api/contract";
import type { Clock } from "../clock";

/** Milliseconds before its expiry at which a sheet is replaced. */
const MARGIN = 60_000;

/** The URL for part `number` at host number `host` of the sheet. */
export function partUrl(sheet: Sheet, number: number, host: number): string {
  const count = sheet.urls.length;
  const turn = (host + count - ((number - 1) % count)) % count;
  const signatures = turn === 0 ? sheet.signatures : sheet.other_signatures[turn - 1];
  const signature = signatures?.[number - sheet.first];
  const url = sheet.urls[host];
  if (signature === undefined || url === undefined)
    throw new RangeError(`Part ${number} at host ${host} is not on the sheet`);
  return `${url}&partNumber=${number}&X-Amz-Signature=${signature}`;
}

/** The only URL of a file that is sent whole, with strategy `put`. */
export function wholeUrl({ urls, signatures }: Sheet): string {
  return `${urls[0]}&X-Amz-Signature=${signatures[0]}`;
}

/** Whether the sheet signs every part for every host. */
export function signsEveryHost(sheet: Sheet): boolean {
  return sheet.urls.length === 1 || sheet.other_signatures.length > 0;
}

/** Whether the sheet signs part `number` for host number `host`; after the last host the count starts again. */
export function isSignedFor(sheet: Sheet, number: number, host: number): boolean {
  return signsEveryHost(sheet) || (number - 1 - host) % sheet.urls.length === 0;
}

/** The host names of S3, in the sheet's order. */
export function hostsOf(sheet: Sheet): string[] {
  return sheet.urls.map((url) => new URL(url).host);
}

/** Requests a new sheet from the API. */
export type SheetSource = (request: SheetRequest, signal: AbortSignal) => Promise<Sheet>;

export class Sheets {
  #sheet: Sheet;
  #received: number;
  #isRefused = false;
  #renewal: Promise<void> | undefined;
  readonly #source: SheetSource;
  readonly #clock: Clock;

  constructor(sheet: Sheet, source: SheetSource, clock: Clock) {
    this.#sheet = sheet;
    this.#source = source;
    this.#clock = clock;
    this.#received = clock.now();
  }

  get current(): Sheet {
    return this.#sheet;
  }

  /** Resolves with a valid sheet for part `number`; requests one if necessary. */
  async for(number: number, signal: AbortSignal): Promise<Sheet> {
    while (!this.#covers(number) || this.#isRefused || this.#isExpiring) {
      this.#renewal ??= this.#renew(this.#covers(number) ? this.#sheet.first : number, signal);
      await this.#renewal;
      signal.throwIfAborted();
    }
    return this.#sheet;
  }

  /** S3 refused a URL of this sheet, so it is not used again. Has no effect on a newer sheet. */
  refuse(sheet: Sheet): void {
    if (sheet === this.#sheet) this.#isRefused = true;
  }

  async #renew(first: number, signal: AbortSignal): Promise<void> {
    try {
      // An older API, whose sheets have no headers, does not know `refused`.
      const reportsRefusal = this.#isRefused && this.#sheet.headers !== undefined;
      const request: SheetRequest = reportsRefusal ? { first, refused: true } : { first };
      this.#sheet = await this.#source(request, signal);
      this.#received = this.#clock.now();
      this.#isRefused = false;
    } finally {
      this.#renewal = undefined;
    }
  }

  #covers(number: number): boolean {
    const index = number - this.#sheet.first;
    return index >= 0 && index < this.#sheet.signatures.length;
  }

  get #isExpiring(): boolean {
    return isExpiring(this.#sheet, this.#received, this.#clock.now());
  }
}

/** Whether a sheet expires soon. A fresh one never does: this computer's clock may be wrong, and S3 decides. */
export function isExpiring(sheet: { expires_at: string }, received: number, now: number): boolean {
  return now - received > MARGIN && Date.parse(sheet.expires_at) - now < MARGIN;
}

// Presigned URLs from a sheet of signatures, and new sheets when one runs out: before it expires, when S3
// refuses it, or when a part is not on it. Many parts asking at once cause one request.
// Must not know what the URLs are used for.

import type { Sheet, SheetRequest } from "../api/contract";
import type { Clock } from "../clock";

/** A sheet this close to its end (milliseconds) is replaced before it is used. */
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

/** The one URL of a file that is sent whole, by strategy `put`. */
export function wholeUrl({ urls, signatures }: Sheet): string {
  return `${urls[0]}&X-Amz-Signature=${signatures[0]}`;
}

/** Whether a sheet signs every part for every host. */
export function goAnywhere(sheet: Sheet): boolean {
  return sheet.urls.length === 1 || sheet.other_signatures.length > 0;
}

/** Whether a sheet signs part `number` for its host number `host`, counted round and round. */
export function canGo(sheet: Sheet, number: number, host: number): boolean {
  return goAnywhere(sheet) || (number - 1 - host) % sheet.urls.length === 0;
}

/** The host names that S3 is reached by, in the sheet's order. */
export function hostsOf(sheet: Sheet): string[] {
  return sheet.urls.map((url) => new URL(url).host);
}

export type SheetSource = (request: SheetRequest, signal: AbortSignal) => Promise<Sheet>;

export class Sheets {
  #sheet: Sheet;
  #received: number;
  #refused = false;
  #coming: Promise<void> | undefined;
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

  /** A sheet that is good for part `number`, asked for if need be. */
  async for(number: number, signal: AbortSignal): Promise<Sheet> {
    while (!this.#covers(number) || this.#refused || this.#expiring()) {
      this.#coming ??= this.#renew(this.#covers(number) ? this.#sheet.first : number, signal);
      await this.#coming;
      signal.throwIfAborted();
    }
    return this.#sheet;
  }

  /** S3 refused a URL of this sheet: do not use it again. Says nothing about a newer one. */
  refuse(sheet: Sheet): void {
    if (sheet === this.#sheet) this.#refused = true;
  }

  async #renew(first: number, signal: AbortSignal): Promise<void> {
    try {
      // An older API, whose sheets name no headers, does not know `refused`.
      const isSaid = this.#refused && this.#sheet.headers !== undefined;
      const request: SheetRequest = isSaid ? { first, refused: true } : { first };
      this.#sheet = await this.#source(request, signal);
      this.#received = this.#clock.now();
      this.#refused = false;
    } finally {
      this.#coming = undefined;
    }
  }

  #covers(number: number): boolean {
    const index = number - this.#sheet.first;
    return index >= 0 && index < this.#sheet.signatures.length;
  }

  #expiring(): boolean {
    return isExpiring(this.#sheet, this.#received, this.#clock.now());
  }
}

/** A fresh sheet is believed whatever this computer's clock says: the clock may be wrong, S3 decides. */
export function isExpiring(sheet: { expires_at: string }, received: number, now: number): boolean {
  return now - received > MARGIN && Date.parse(sheet.expires_at) - now < MARGIN;
}

// Sends one file whole to S3 until S3 has it: as a form, or by one PUT where forms are not taken. Each failure is judged as
// that of a part is. Must not know how the upload was created.

import type { PostSheet, Sheet, WholeUpload } from "../api/contract";
import type { Clock } from "../clock";
import type { HostPool } from "../concurrency/host-pool";
import type { Load, Travel } from "../concurrency/transfer";
import { isSuccess, NetworkError, PartError, partErrorOf, Unsigned } from "../errors";
import { isExpiring, wholeUrl } from "../parts/sheet";
import type { SendRequest, Transport } from "../ports";
import type { Breaker } from "../retry/circuit-breaker";
import { isRetryable, retrySending, whyNotSent } from "../retry/retry-sending";
import type { Verdict } from "../retry/s3-errors";
import type { Settings } from "../settings";
import type { Posting } from "./form-support";

/** Of one file, before it is sent by PUT. */
const REFUSED_FORMS = 2;
/** So many times without an answer, and another sheet is asked for: it may name another host. */
const SILENCES = 3;

/** A PUT may pass where a form meets this. */
const FORM_REFUSED: ReadonlySet<Verdict> = new Set(["refused", "unsupported", "gone"]);

export type WholeSheet = Sheet | PostSheet;
export type WholeSheetRequest = { strategy: "put" | "post"; refused: boolean };

export type WholeSenderOptions = {
  upload: WholeUpload;
  /** Without a type, so that the browser sends no Content-Type of its own. */
  data: Blob;
  sheets: (request: WholeSheetRequest, signal: AbortSignal) => Promise<WholeSheet>;
  posting: Posting;
  transport: Transport;
  pool: HostPool;
  breaker: Breaker;
  clock: Clock;
  settings: Settings;
  onProgress: (sent: number) => void;
};

export class WholeSender {
  readonly #options: WholeSenderOptions;
  #sheet: WholeSheet;
  #received: number;
  #isRefused = false;
  #isUnfit = false;
  #refusedForms = 0;
  #silences = 0;
  #damages = 0;

  constructor(options: WholeSenderOptions) {
    this.#options = options;
    this.#sheet = options.upload.sheet;
    this.#received = options.clock.now();
  }

  async send(signal: AbortSignal): Promise<void> {
    const { clock, settings, breaker } = this.#options;
    const isWorthAnotherTry = (error: unknown) => this.#isWorthAnotherTry(error);
    const options = { breaker, clock, rule: settings.partRetry, isRetryable: isWorthAnotherTry, signal };
    await retrySending(() => this.#attempt(signal), options);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { pool, breaker, data } = this.#options;
    const { host } = new URL(urlOf(await this.#signed(signal)));
    const load: Load = { kind: "file", size: data.size };
    const send = (travel: Travel) => breaker.use(travel.signal, () => this.#transfer(travel));
    await pool.use(host, load, signal, send);
  }

  /** The wait for a place may have been long: the sheet is looked at again. */
  async #transfer(travel: Travel): Promise<void> {
    const { transport, clock, posting, data, onProgress } = this.#options;
    const { signal } = travel;
    const sheet = await this.#signed(signal);
    const isForm = "fields" in sheet;
    try {
      const answer = await transport(this.#request(sheet, travel));
      if (isForm) posting.answered();
      const error = isSuccess(answer) ? undefined : partErrorOf(1, answer, clock.now());
      if (error && (isForm || error.verdict !== "arrived")) throw error;
    } catch (error) {
      onProgress(0);
      this.#learn(error, isForm);
      throw await whyNotSent(error, data, travel, clock);
    }
    onProgress(data.size);
    if (isForm) posting.passed();
    else if (this.#refusedForms > 0) posting.fell();
  }

  #request(sheet: WholeSheet, travel: Travel): SendRequest {
    const { data, breaker } = this.#options;
    const onProgress = (sent: number) => {
      travel.moved(sent);
      if (sent > 0) breaker.reached();
      this.#options.onProgress(Math.min(sent, data.size));
    };
    const request = { body: data, signal: travel.signal, onProgress };
    if ("fields" in sheet) return { ...request, url: sheet.url, fields: sheet.fields };
    return { ...request, url: wholeUrl(sheet), headers: sheet.headers ?? {} };
  }

  /** What a failure says about the sheet, and about forms. */
  #learn(error: unknown, isForm: boolean): void {
    const { posting, breaker } = this.#options;
    if (error instanceof PartError) {
      this.#isRefused ||= error.verdict === "refused";
      if (error.verdict === "damaged") this.#damages++;
      if (isForm && FORM_REFUSED.has(error.verdict)) this.#refusedForms++;
    } else if (error instanceof NetworkError) {
      if (!breaker.isOpen && ++this.#silences % SILENCES === 0) this.#isUnfit = true;
      if (isForm && !posting.isAnswered) this.#refusedForms++;
    }
  }

  #isWorthAnotherTry(error: unknown): boolean {
    if (isRetryable(error)) return true;
    if (!(error instanceof PartError)) return false;
    if (error.verdict === "damaged") return this.#damages === 1;
    return this.#isForm && FORM_REFUSED.has(error.verdict);
  }

  get #isForm(): boolean {
    return "fields" in this.#sheet;
  }

  /** The sheet, or a new one: by PUT where forms are not taken. The API is waited for by itself: its failure is none of S3. */
  async #signed(signal: AbortSignal): Promise<WholeSheet> {
    const { posting, sheets, clock } = this.#options;
    const isPut = !this.#isForm || this.#refusedForms >= REFUSED_FORMS || posting.strategy === "put";
    const isFit = this.#isForm !== isPut && !this.#isUnfit && !this.#isRefused;
    if (isFit && !isExpiring(this.#sheet, this.#received, clock.now())) return this.#sheet;
    try {
      const request = { strategy: isPut ? ("put" as const) : ("post" as const), refused: this.#isRefused };
      this.#sheet = await sheets(request, signal);
    } catch (error) {
      throw new Unsigned("No sheet could be had", { cause: error });
    }
    this.#received = clock.now();
    this.#isRefused = false;
    this.#isUnfit = false;
    return this.#sheet;
  }
}

function urlOf(sheet: WholeSheet): string {
  return "fields" in sheet ? sheet.url : (sheet.urls[0] ?? "");
}

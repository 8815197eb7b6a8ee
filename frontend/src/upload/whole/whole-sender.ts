// Sends one file whole to S3 until S3 has it: as a form, or by one PUT where S3 does not take forms. Retries follow the
// same rules as those of a part. Must not know how the upload was created.

import type { PostSheet, Sheet, WholeUpload } from "../api/contract";
import type { Clock } from "../clock";
import type { HostPool } from "../concurrency/host-pool";
import type { Load, Transfer } from "../concurrency/transfer";
import { isSuccess, NetworkError, NoSheet, PartError, partErrorOf } from "../errors";
import { isExpiring, wholeUrl } from "../parts/sheet";
import type { SendRequest, Transport } from "../ports";
import type { CircuitBreaker } from "../retry/circuit-breaker";
import { isRetryable, retrySending, sendFailure } from "../retry/retry-sending";
import type { Verdict } from "../retry/s3-errors";
import type { Settings } from "../settings";
import type { FormSupport } from "./form-support";

/** A file is sent by PUT after this many refused forms. */
const MAX_REFUSED_FORMS = 2;
/** After this many attempts without a response a new sheet is requested, which may name another host. */
const MAX_SILENCES = 3;

/** With these verdicts on a form, a PUT may still succeed. */
const FORM_REFUSED: ReadonlySet<Verdict> = new Set(["refused", "unsupported", "gone"]);

export type WholeSheet = Sheet | PostSheet;
export type WholeSheetRequest = { strategy: "put" | "post"; refused: boolean };

export type WholeSenderOptions = {
  upload: WholeUpload;
  /** Without a type, so that the browser sends no Content-Type of its own. */
  data: Blob;
  sheets: (request: WholeSheetRequest, signal: AbortSignal) => Promise<WholeSheet>;
  forms: FormSupport;
  transport: Transport;
  pool: HostPool;
  breaker: CircuitBreaker;
  clock: Clock;
  settings: Settings;
  onProgress: (sent: number) => void;
};

export class WholeSender {
  readonly #options: WholeSenderOptions;
  #sheet: WholeSheet;
  #received: number;
  /** S3 refused the sheet. */
  #isRefused = false;
  /** Too many requests with this sheet had no response. */
  #isSilent = false;
  #refusedForms = 0;
  #silences = 0;
  #damages = 0;

  constructor(options: WholeSenderOptions) {
    this.#options = options;
    this.#sheet = options.upload.sheet;
    this.#received = options.clock.now();
  }

  /** Resolves when S3 has the file. Rejects with an error that is final. */
  async send(signal: AbortSignal): Promise<void> {
    const { clock, settings, breaker } = this.#options;
    const canRetry = (error: unknown) => this.#isRetryable(error);
    const options = { breaker, clock, rule: settings.partRetry, isRetryable: canRetry, signal };
    await retrySending(() => this.#attempt(signal), options);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { pool, breaker, data } = this.#options;
    const { host } = new URL(urlOf(await this.#validSheet(signal)));
    const load: Load = { kind: "file", size: data.size };
    const send = (transfer: Transfer) => breaker.use(transfer.signal, () => this.#transfer(transfer));
    await pool.use(host, load, signal, send);
  }

  /** Checks the sheet once more, because the wait for a connection may have been long. */
  async #transfer(transfer: Transfer): Promise<void> {
    const { transport, clock, forms, data, onProgress } = this.#options;
    const { signal } = transfer;
    const sheet = await this.#validSheet(signal);
    const isForm = "fields" in sheet;
    try {
      const response = await transport(this.#request(sheet, transfer));
      if (isForm) forms.answered();
      const error = isSuccess(response) ? undefined : partErrorOf(1, response, clock.now());
      if (error && (isForm || error.verdict !== "arrived")) throw error;
    } catch (error) {
      onProgress(0);
      this.#learn(error, isForm);
      throw await sendFailure(error, data, transfer, clock);
    }
    onProgress(data.size);
    if (isForm) forms.accepted();
    else if (this.#refusedForms > 0) forms.refused();
  }

  #request(sheet: WholeSheet, transfer: Transfer): SendRequest {
    const { data, breaker } = this.#options;
    const onProgress = (sent: number) => {
      transfer.progress(sent);
      if (sent > 0) breaker.reached();
      this.#options.onProgress(Math.min(sent, data.size));
    };
    const request = { body: data, signal: transfer.signal, onProgress };
    if ("fields" in sheet) return { ...request, url: sheet.url, fields: sheet.fields };
    return { ...request, url: wholeUrl(sheet), headers: sheet.headers ?? {} };
  }

  /** Records what a failure says about the sheet and about forms. */
  #learn(error: unknown, isForm: boolean): void {
    const { forms, breaker } = this.#options;
    if (error instanceof PartError) {
      this.#isRefused ||= error.verdict === "refused";
      if (error.verdict === "damaged") this.#damages++;
      if (isForm && FORM_REFUSED.has(error.verdict)) this.#refusedForms++;
    } else if (error instanceof NetworkError) {
      if (!breaker.isOpen && ++this.#silences % MAX_SILENCES === 0) this.#isSilent = true;
      if (isForm && !forms.isAnswered) this.#refusedForms++;
    }
  }

  #isRetryable(error: unknown): boolean {
    if (isRetryable(error)) return true;
    if (!(error instanceof PartError)) return false;
    if (error.verdict === "damaged") return this.#damages === 1;
    return this.#isForm && FORM_REFUSED.has(error.verdict);
  }

  get #isForm(): boolean {
    return "fields" in this.#sheet;
  }

  /**
   * Resolves with the sheet, or with a new one: for a PUT where S3 does not take forms. Calls of the API have a retry
   * layer of their own: their failure must not count as a failure of S3.
   */
  async #validSheet(signal: AbortSignal): Promise<WholeSheet> {
    const { forms, sheets, clock } = this.#options;
    const isPut = !this.#isForm || this.#refusedForms >= MAX_REFUSED_FORMS || forms.strategy === "put";
    const isValid = this.#isForm !== isPut && !this.#isSilent && !this.#isRefused;
    if (isValid && !isExpiring(this.#sheet, this.#received, clock.now())) return this.#sheet;
    try {
      const request = { strategy: isPut ? ("put" as const) : ("post" as const), refused: this.#isRefused };
      this.#sheet = await sheets(request, signal);
    } catch (error) {
      throw new NoSheet("No sheet", { cause: error });
    }
    this.#received = clock.now();
    this.#isRefused = false;
    this.#isSilent = false;
    return this.#sheet;
  }
}

function urlOf(sheet: WholeSheet): string {
  return "fields" in sheet ? sheet.url : (sheet.urls[0] ?? "");
}

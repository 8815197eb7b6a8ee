// What can go wrong on the way to S3, as types the caller can tell apart by `code`.
// Messages here are for logs; what a person reads is written elsewhere. Must not know who shows them.
import type { Problem } from "./api/contract";
import type { SendAnswer } from "./ports";
import { parseS3Error, type Verdict, verdictOf } from "./retry/s3-errors";

/** Milliseconds. A longer `Retry-After` is not believed: this computer's clock may be wrong, and a date depends on it. */
const LONGEST_RETRY_AFTER = 10 * 60_000;

/** The API answered, and the answer was a problem. `code` is stable and documented. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly problem: Problem;
  /** Milliseconds the API asks us to wait before we try again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, problem: Problem, retryAfter?: number) {
    super(problem.detail ?? problem.title ?? `The API answered ${status}`);
    this.status = status;
    this.code = problem.code ?? `http_${status}`;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer came: offline, refused, reset, or an answer the browser may not show us. */
export class NetworkError extends Error {
  override readonly name: string = "NetworkError";
  /** The origin that did not answer, where it is known. */
  readonly address: string | undefined;

  constructor(message: string, { address, cause }: { address?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause });
    this.address = address;
  }
}

/** A service has not answered once since the page was opened. Browsers say no more where it forbids the page's origin. */
export class NeverAnswered extends Error {
  override readonly name = "NeverAnswered";
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super(`${address} has never answered: check this address, and that it allows this page's origin`, {
      cause,
    });
    this.address = address;
  }
}

/** The connection broke after bytes had left: S3 is there, and the line does not last. */
export class BrokenLine extends NetworkError {
  override readonly name = "BrokenLine";
}

/** No ID token could be had just now. The session is not over: the next attempt may have one. */
export class TokenUnavailable extends Error {
  override readonly name = "TokenUnavailable";
}

/** S3 answered a PUT, or a form, with something other than success. */
export class PartError extends Error {
  override readonly name = "PartError";
  readonly status: number;
  readonly code: string;
  /** Milliseconds S3 asks us to wait before we try again. */
  readonly retryAfter: number | undefined;

  constructor(part: number, status: number, code: string, detail: string, retryAfter?: number) {
    super(`Part ${part}: ${status} ${code} ${detail}`.trim());
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  get verdict(): Verdict {
    return verdictOf(this.status, this.code);
  }
}

/** What S3 answered instead of taking part `number`; a file that is sent whole is part 1. */
export function partErrorOf(number: number, { status, text, header }: SendAnswer, now: number): PartError {
  const { code, message } = parseS3Error(text);
  return new PartError(number, status, code, message, parseRetryAfter(header("Retry-After"), now));
}

export function isSuccess({ status }: SendAnswer): boolean {
  return status >= 200 && status <= 299;
}

/** The API gave no sheet: the cause is final, and S3 has no part in it. */
export class Unsigned extends Error {
  override readonly name = "Unsigned";
}

/** The limit up to which a file is sent whole is another than this page knew: the file begins anew, by that limit. */
export class Misjudged extends Error {
  override readonly name = "Misjudged";
}

/** The file could not be read, so it could not be hashed or sent. */
export class ReadError extends Error {
  override readonly name = "ReadError";
}

/** S3 received other bytes than were read from the file, again and again. */
export class Corrupted extends Error {
  override readonly name = "Corrupted";
}

/** The same file is being sent in another tab of this browser. */
export class InAnotherTab extends Error {
  override readonly name = "InAnotherTab";
}

/** The upload was paused by the person; nothing is wrong. */
export class Paused extends Error {
  override readonly name = "Paused";
}

/** The upload was cancelled by the person; nothing is wrong. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** True where nobody may be there to answer, or everybody is told to wait: the next attempt of anybody meets the same. */
export function isOutage(error: unknown): boolean {
  if (error instanceof NetworkError || error instanceof TokenUnavailable) return true;
  if (error instanceof PartError) return error.verdict === "outage";
  return error instanceof ApiError && !isTooManyUploads(error) && isBusy(error.status);
}

/** True for what may work the next time: an outage, and an owner who has too many uploads under way just now. */
export function isTransient(error: unknown): boolean {
  return isOutage(error) || isTooManyUploads(error);
}

/** The owner's own limit, which other uploads of the owner hold: no sign that the API is in trouble. */
export function isTooManyUploads(error: unknown): boolean {
  return error instanceof ApiError && error.code === "too_many_uploads";
}

function isBusy(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The API no longer knows the upload, or S3 does not: it begins anew, by itself. */
export function isGone(error: unknown): boolean {
  if (error instanceof PartError) return error.verdict === "gone";
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}

export function goneAsUndefined(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** Milliseconds that a server asked us to wait. */
export function retryAfter(error: unknown): number | undefined {
  return error instanceof ApiError || error instanceof PartError ? error.retryAfter : undefined;
}

/** `Retry-After` in milliseconds, at most LONGEST_RETRY_AFTER; it is seconds or a date. */
export function parseRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null || text.trim() === "") return undefined;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), LONGEST_RETRY_AFTER);
}

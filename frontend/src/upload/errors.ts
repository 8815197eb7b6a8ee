// The errors of the engine, as types that callers distinguish, and what each means for a retry.
// Messages here are for logs; the page has its own texts for people. Must not know who shows them.
import type { Problem } from "./api/contract";
import type { SendResponse } from "./ports";
import { parseS3Error, type Verdict, verdictOf } from "./retry/s3-errors";

/** Milliseconds. A longer `Retry-After` is cut: a date depends on this computer's clock, which may be wrong. */
const MAX_RETRY_AFTER = 10 * 60_000;

/** The API responded with a problem. `code` is stable and documented. */
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

/** No response came: offline, refused, reset, or a response that the browser hides from the page. */
export class NetworkError extends Error {
  override readonly name: string = "NetworkError";
  /** The origin that did not respond, where it is known. */
  readonly address: string | undefined;

  constructor(message: string, { address, cause }: { address?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause });
    this.address = address;
  }
}

/** A service has not responded once since the page opened. A browser reports a CORS refusal in the same way. */
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

/** The connection broke after bytes had left: S3 is reachable, but connections do not last long enough. */
export class ConnectionBroken extends NetworkError {
  override readonly name = "ConnectionBroken";
}

/** The ID token could not be renewed at this moment. The person is still signed in, and a retry may succeed. */
export class TokenUnavailable extends Error {
  override readonly name = "TokenUnavailable";
}

/** S3 did not take a part or a whole file. */
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

/** Converts S3's response to part `number`; a file that is sent whole is part 1. */
export function partErrorOf(number: number, { status, text, header }: SendResponse, now: number): PartError {
  const { code, message } = parseS3Error(text);
  return new PartError(number, status, code, message, parseRetryAfter(header("Retry-After"), now));
}

export function isSuccess({ status }: SendResponse): boolean {
  return status >= 200 && status <= 299;
}

/** The API gave no sheet. Its error is the cause, and already final: the retry layer of S3 must not repeat it. */
export class NoSheet extends Error {
  override readonly name = "NoSheet";
}

/** The API wants this file whole, or in parts, against the limit that the page knew: the upload starts again. */
export class WrongStrategy extends Error {
  override readonly name = "WrongStrategy";
}

/** The file could not be read, so it could not be hashed or sent. */
export class ReadError extends Error {
  override readonly name = "ReadError";
}

/** S3 received other bytes than the page read from the file, in every attempt. */
export class Corrupted extends Error {
  override readonly name = "Corrupted";
}

/** Another tab of this browser is sending the same file. */
export class InAnotherTab extends Error {
  override readonly name = "InAnotherTab";
}

/** The person paused the upload; nothing is wrong. */
export class Paused extends Error {
  override readonly name = "Paused";
}

/** The person cancelled the upload; nothing is wrong. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** True where the service is unreachable or throttles: other callers would get the same error now. */
export function isOutage(error: unknown): boolean {
  if (error instanceof NetworkError || error instanceof TokenUnavailable) return true;
  if (error instanceof PartError) return error.verdict === "outage";
  return error instanceof ApiError && !isTooManyUploads(error) && isBusy(error.status);
}

/** True where a retry may succeed: in an outage, and while the owner has too many uploads in progress. */
export function isTransient(error: unknown): boolean {
  return isOutage(error) || isTooManyUploads(error);
}

/** The owner's limit of uploads in progress is reached. The API itself is healthy. */
export function isTooManyUploads(error: unknown): boolean {
  return error instanceof ApiError && error.code === "too_many_uploads";
}

function isBusy(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The API or S3 does not know the upload any more: the engine creates another. */
export function isGone(error: unknown): boolean {
  if (error instanceof PartError) return error.verdict === "gone";
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}

/** For `catch`: turns a missing upload into undefined, and throws every other error again. */
export function goneAsUndefined(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** Milliseconds that a server asked us to wait. */
export function retryAfter(error: unknown): number | undefined {
  return error instanceof ApiError || error instanceof PartError ? error.retryAfter : undefined;
}

/** Converts `Retry-After`, seconds or a date, to milliseconds; at most MAX_RETRY_AFTER. */
export function parseRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null || text.trim() === "") return undefined;
  const seconds = Number(text);
  const wait = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), MAX_RETRY_AFTER);
}

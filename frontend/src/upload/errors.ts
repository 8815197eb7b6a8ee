// What can go wrong on the way to S3, as types the caller can tell apart by `code`.
// Messages here are for logs; what a person reads is written elsewhere. Must not know who shows them.
import type { Problem } from "./contract";
import { type Verdict, verdictOf } from "./s3-errors";

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
  override readonly name = "NetworkError";
}

/** No ID token could be had just now. The session is not over: the next attempt may have one. */
export class TokenUnavailable extends Error {
  override readonly name = "TokenUnavailable";
}

/** S3 answered a PUT with something other than success. */
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
function isTooManyUploads(error: unknown): boolean {
  return error instanceof ApiError && error.code === "too_many_uploads";
}

function isBusy(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
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

// What can go wrong on the way to S3, as types the caller can tell apart by `code`.
// Messages here are for logs; what a person reads is written elsewhere. Must not know who shows them.
import type { Problem } from "./contract";

/** The API answered, and the answer was a problem. `code` is stable and documented. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `The API answered ${status}`);
    this.status = status;
    this.code = problem.code ?? `http_${status}`;
    this.problem = problem;
  }
}

/** No answer came: offline, refused, reset, or an answer the browser may not show us. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

/** S3 answered a PUT with something other than success. */
export class PartError extends Error {
  override readonly name = "PartError";
  readonly status: number;
  readonly code: string;

  constructor(part: number, status: number, code: string, detail: string) {
    super(`Part ${part}: ${status} ${code} ${detail}`.trim());
    this.status = status;
    this.code = code;
  }
}

/** The file could not be read, so it could not be hashed or sent. */
export class ReadError extends Error {
  override readonly name = "ReadError";
}

/** The upload was cancelled by the person; nothing is wrong. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** True for what may work the next time: no answer, 408, 429 and every 5xx. */
export function isPassing(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  if (!(error instanceof ApiError || error instanceof PartError)) return false;
  return error.status === 408 || error.status === 429 || error.status >= 500;
}

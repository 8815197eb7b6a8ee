// Completes an upload and follows it until S3 has assembled the object. S3 may take minutes over a large object, longer
// than the API can wait. Then the API responds with 202 or 504, and the state of the upload is polled instead.
// An early call, made when the last byte has left the page, saves a round trip.
// Must not know about parts: the caller sends parts that S3 turns out to lack.
import type { Api } from "../api/api";
import type { Upload } from "../api/contract";
import type { Clock } from "../clock";
import { ApiError, isTransient, retryAfter } from "../errors";
import { backoff } from "../retry/backoff";
import type { CircuitBreaker } from "../retry/circuit-breaker";
import { retryThroughOutage } from "../retry/retry-through-outage";
import type { Settings } from "../settings";

/** Seconds that an early call waits in the API for parts that are on their way. */
const WAIT = 2;

/** The result of one call: the upload, or a transient error. */
export type Answer = Upload | Error;

export type Completion = {
  id: string;
  /** Resolves with the checksum of the whole file. */
  checksum: () => Promise<string>;
  api: Api;
  clock: Clock;
  /** Apart from `apiBreaker`, because API Gateway throttles each route by itself. */
  completeBreaker: CircuitBreaker;
  apiBreaker: CircuitBreaker;
  settings: Settings;
  signal: AbortSignal;
};

/**
 * Calls complete while the last bytes are still in flight. A refusal is not final: the caller completes again once S3 has
 * confirmed every part. Resolves with undefined then.
 */
export function completeEarly(completion: Completion): Promise<Answer | undefined> {
  return callComplete(completion, { wait: WAIT }).catch(() => undefined);
}

/**
 * Completes the upload and resolves when S3 has assembled the object. `early` is the answer to an earlier
 * `completeEarly`, if there was one. Rejects with ApiError when the API refuses.
 */
export async function complete(completion: Completion, early?: Answer): Promise<Upload> {
  const { clock, settings, signal } = completion;
  for (let calls = 1; ; calls++) {
    const answer = (calls === 1 && early) || (await callComplete(completion));
    if (isUpload(answer) && answer.state !== "uploading") return notAborted(answer);
    const patience = isAssembling(answer) ? settings.assemblyPatience : 0;
    const upload = await pollUpload(completion, patience);
    if (upload.state !== "uploading") return notAborted(upload);
    if (!isUpload(answer) && completion.completeBreaker.isExhausted) throw answer;
    const wait = backoff(calls, settings.partRetry, clock.random());
    await clock.wait(Math.max(wait, retryAfter(answer) ?? 0), signal);
  }
}

/** A single call. Rejects only with errors that are final. */
async function callComplete(completion: Completion, wait: { wait?: number } = {}): Promise<Answer> {
  const { id, checksum, api, completeBreaker, signal } = completion;
  const crc64nvme = await checksum();
  try {
    return await completeBreaker.use(signal, () => api.complete(id, { crc64nvme, ...wait }));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && isTransient(error)) return error;
    throw error;
  }
}

function isUpload(answer: Answer): answer is Upload {
  return !(answer instanceof Error);
}

/** S3 is still assembling the object: the API responded with 202, or API Gateway timed out with 504. */
function isAssembling(answer: Answer): boolean {
  return isUpload(answer) || (answer instanceof ApiError && answer.status === 504);
}

/** Reads the upload, at growing intervals, until its state changes or `patience` milliseconds are over. */
async function pollUpload(completion: Completion, patience: number): Promise<Upload> {
  const { id, api, clock, apiBreaker, settings, signal } = completion;
  const end = clock.now() + patience;
  for (let polls = 0; ; polls++) {
    const through = { breaker: apiBreaker, clock, rule: settings.outage, signal };
    const upload = await retryThroughOutage(() => api.get(id), through);
    if (upload.state !== "uploading" || clock.now() >= end) return upload;
    await clock.wait(backoff(polls, settings.assemblyPolling, 1), signal);
  }
}

function notAborted(upload: Upload): Upload {
  if (upload.state === "aborted") throw new ApiError(409, { code: "wrong_state", detail: "It was deleted" });
  return upload;
}

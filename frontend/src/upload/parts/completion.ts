// Complete, until it is known what became of it. S3 may take minutes over a large object, longer than the API can
// wait: then its answer is 202 or 504, nothing is asked again, and the upload is watched instead.
// Who asks ahead, when the last byte has left, has the answer sooner by the way there and back.
// Must not know about parts: what is missing is the caller's business.
import type { Api } from "../api/api";
import type { Upload } from "../api/contract";
import type { Clock } from "../clock";
import { ApiError, isTransient, retryAfter } from "../errors";
import { type Breaker, retryThroughOutage } from "../retry/circuit-breaker";
import { backoff } from "../retry/retry";
import type { Settings } from "../settings";

/** Seconds that complete, asked ahead, waits for what is on its way. */
const WAIT = 2;

/** What complete answered: the upload, or why no answer came. */
export type Answer = Upload | Error;

export type Completing = {
  id: string;
  /** The whole file's. */
  checksum: () => Promise<string>;
  api: Api;
  clock: Clock;
  /** API Gateway throttles each route by itself: complete may be out of order while the others answer. */
  completeBreaker: Breaker;
  apiBreaker: Breaker;
  settings: Settings;
  signal: AbortSignal;
};

/** Asks while the last bytes are on their way. Rejects where it is refused: whether for good, tells who asks later. */
export function askAhead(completing: Completing): Promise<Answer> {
  return ask(completing, { wait: WAIT });
}

/**
 * The upload once its parts are one object, from what was answered to whom asked ahead. Rejects with what the API
 * refuses it for.
 */
export async function completed(completing: Completing, ahead?: Answer): Promise<Upload> {
  const { clock, settings, signal } = completing;
  for (let asked = 1; ; asked++) {
    const answer = (asked === 1 && ahead) || (await ask(completing));
    if (!(answer instanceof Error) && answer.state !== "uploading") return known(answer);
    const upload = await watchUpload(completing, isAtIt(answer) ? settings.completeSilence : 0);
    if (upload.state !== "uploading") return known(upload);
    if (answer instanceof Error && completing.completeBreaker.isExhausted) throw answer;
    const wait = backoff(asked, settings.partRetry, clock.random());
    await clock.wait(Math.max(wait, retryAfter(answer) ?? 0), signal);
  }
}

async function ask(completing: Completing, wait: { wait?: number } = {}): Promise<Answer> {
  const { id, checksum, api, completeBreaker, signal } = completing;
  const crc64nvme = await checksum();
  try {
    return await completeBreaker.use(signal, () => api.complete(id, { crc64nvme, ...wait }));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && isTransient(error)) return error;
    throw error;
  }
}

/** Whether S3 is putting the object together: 202, or API Gateway's 504. */
function isAtIt(answer: Answer): boolean {
  return !(answer instanceof Error) || (answer instanceof ApiError && answer.status === 504);
}

/** Asks for the upload, ever more seldom, until it is no longer `uploading` or `silence` milliseconds are over. */
async function watchUpload(completing: Completing, silence: number): Promise<Upload> {
  const { id, api, clock, apiBreaker, settings, signal } = completing;
  const until = clock.now() + silence;
  for (let looked = 0; ; looked++) {
    const through = { breaker: apiBreaker, clock, rule: settings.outage, signal };
    const upload = await retryThroughOutage(() => api.get(id), through);
    if (upload.state !== "uploading" || clock.now() >= until) return upload;
    await clock.wait(backoff(looked, settings.watch, 1), signal);
  }
}

function known(upload: Upload): Upload {
  if (upload.state === "aborted") throw new ApiError(409, { code: "wrong_state", detail: "It was deleted" });
  return upload;
}

// Complete, until it is known what became of it. S3 may take minutes over a large object, longer than the API can
// wait: then its answer is 202 or 504, nothing is asked again, and the upload is watched instead.
// Must not know about parts: what is missing is the caller's business.
import type { Api } from "./api";
import type { Breaker } from "./breaker";
import type { Clock } from "./clock";
import type { Upload } from "./contract";
import { ApiError, isPassing } from "./errors";
import { backoff, patiently } from "./retry";
import type { Settings } from "./settings";

export type Completing = {
  id: string;
  crc64nvme: string;
  api: Api;
  clock: Clock;
  answering: Breaker;
  settings: Settings;
  signal: AbortSignal;
};

/** The upload once its parts are one object. Rejects with what the API refuses it for. */
export async function completed(completing: Completing): Promise<Upload> {
  const { clock, settings, signal } = completing;
  for (let asked = 1; ; asked++) {
    const answer = await ask(completing);
    if (!(answer instanceof Error) && answer.state !== "uploading") return known(answer);
    const found = await watched(completing, isAtIt(answer) ? settings.completeSilence : 0);
    if (found.state !== "uploading") return known(found);
    await clock.wait(backoff(asked, settings.partRetry, clock.random()), signal);
  }
}

/** The upload as complete answers it, or why no answer came. */
async function ask({ id, crc64nvme, api, answering, signal }: Completing): Promise<Upload | Error> {
  try {
    return await answering.use(signal, () => api.complete(id, { crc64nvme }));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && isPassing(error)) return error;
    throw error;
  }
}

/** Whether S3 is putting the object together: 202, or API Gateway's 504. */
function isAtIt(answer: Upload | Error): boolean {
  return !(answer instanceof Error) || (answer instanceof ApiError && answer.status === 504);
}

/** Asks for the upload, ever more seldom, until it is no longer `uploading` or `silence` milliseconds are over. */
async function watched(completing: Completing, silence: number): Promise<Upload> {
  const { id, api, clock, answering, settings, signal } = completing;
  const until = clock.now() + silence;
  for (let looked = 0; ; looked++) {
    const rule = settings.outage;
    const found = await patiently(() => api.get(id), { breaker: answering, clock, rule, signal });
    if (found.state !== "uploading" || clock.now() >= until) return found;
    await clock.wait(backoff(looked, settings.watch, 1), signal);
  }
}

function known(upload: Upload): Upload {
  if (upload.state === "aborted") throw new ApiError(409, { code: "wrong_state", detail: "It was deleted" });
  return upload;
}

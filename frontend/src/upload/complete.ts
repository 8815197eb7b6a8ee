// Complete, until it is known what became of it. S3 may take minutes over a large object, longer than the API can
// wait: then its answer is 202 or 504, nothing is asked again, and the upload is watched instead.
// Who asks ahead, when the last byte has left, has the answer sooner by the way there and back.
// Must not know about parts: what is missing is the caller's business.
import type { Api } from "./api";
import type { Breaker } from "./breaker";
import type { Clock } from "./clock";
import type { Upload } from "./contract";
import { ApiError, isPassing } from "./errors";
import { backoff, patiently } from "./retry";
import type { Settings } from "./settings";

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
  answering: Breaker;
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
    const found = await watched(completing, isAtIt(answer) ? settings.completeSilence : 0);
    if (found.state !== "uploading") return known(found);
    await clock.wait(backoff(asked, settings.partRetry, clock.random()), signal);
  }
}

async function ask(completing: Completing, wait: { wait?: number } = {}): Promise<Answer> {
  const { id, checksum, api, answering, signal } = completing;
  const crc64nvme = await checksum();
  try {
    return await answering.use(signal, () => api.complete(id, { crc64nvme, ...wait }));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && isPassing(error)) return error;
    throw error;
  }
}

/** Whether S3 is putting the object together: 202, or API Gateway's 504. */
function isAtIt(answer: Answer): boolean {
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

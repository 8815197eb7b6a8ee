// Gathers the creates of small files into batches: few calls, and no file waits for long. A batch is sent when it is
// full, when no more files are being hashed, or after a delay. The first batches of a rush are smaller, so that uploads
// to S3 start soon. While the maximum of batches is in flight, the next one gathers. Each member succeeds or fails alone.
// When the owner has too many uploads in progress, members wait: uploads of this page make room once they are processed.
// Must not know how the files are sent.

import { ApiError, isTooManyUploads, isTransient, retryAfter } from "../errors";
import { backoff } from "../retry/backoff";
import { retryThroughOutage } from "../retry/retry-through-outage";
import type { CallTools } from "./calls";
import type { BatchResult, CreatedUpload, CreateRequest, Problem } from "./contract";

/** Members of a batch, at most: the API takes no more in one call. */
const MAX_BATCH = 100;
/** The size of the first batch of a rush; each that follows is twice as large. */
const FIRST_BATCH = 10;
/** Batches in flight, at most. */
const MAX_IN_FLIGHT = 2;
/** Milliseconds that a file waits for others that are being hashed. After the first batch S3 is busy anyway. */
const DELAY = { first: 50, later: 500 };
/** Milliseconds without a batch after which a new rush starts. */
const RUSH_END = 1_000;

type Member = {
  request: CreateRequest;
  signal: AbortSignal;
  /** While it is in flight, an abort has to wait for the response: it may have created an upload. */
  isInFlight: boolean;
  isSettled: boolean;
  /** How often the API refused it because of too many uploads. */
  refusals: number;
  /** The last response, if it was not an upload. */
  problem: ApiError | undefined;
  resolve: (upload: CreatedUpload) => void;
  reject: (reason: unknown) => void;
};

export class CreateBatches {
  readonly #tools: CallTools;
  #waiting: Member[] = [];
  /** Files that are being hashed. */
  #hashing = 0;
  #inFlight = 0;
  /** A batch with this many members is full. */
  #full = FIRST_BATCH;
  /** When the last batch was sent. */
  #lastSent = 0;
  /** Cancels the alarm that sends files after the delay. */
  #cancelAlarm: (() => void) | undefined;
  /** True while the owner has too many uploads. */
  #isHeld = false;
  #holds = 0;
  /** When an upload of this page was last created or sent. */
  #lastProgress = Number.NEGATIVE_INFINITY;

  constructor(tools: CallTools) {
    this.#tools = tools;
  }

  /**
   * Creates an upload; `request` resolves when the file is hashed. An abort while the request is in flight has no effect:
   * the caller receives the upload and can remove it.
   */
  async create(request: () => Promise<CreateRequest>, signal: AbortSignal): Promise<CreatedUpload> {
    this.#hashing++;
    try {
      return await this.#add(await request().finally(() => this.#hashing--), signal);
    } catch (error) {
      this.#sendReady();
      throw error;
    }
  }

  #add(request: CreateRequest, signal: AbortSignal): Promise<CreatedUpload> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = () => {
        if (!member.isInFlight) member.reject(signal.reason);
      };
      const settle = (answer: () => void) => {
        signal.removeEventListener("abort", leave);
        member.isSettled = true;
        answer();
      };
      const member: Member = {
        request,
        signal,
        isInFlight: false,
        isSettled: false,
        refusals: 0,
        problem: undefined,
        resolve: (upload) => settle(() => resolve(upload)),
        reject: (reason) => settle(() => reject(reason)),
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(member);
      this.#sendReady();
    });
  }

  /** Reports that a file of this page is in S3: the API processes it soon, which makes room for another. */
  progressed(): void {
    this.#lastProgress = this.#tools.clock.now();
  }

  /** Sends full batches, and the rest when no file is being hashed. Otherwise an alarm sends the rest. */
  #sendReady(): void {
    this.#waiting = this.#waiting.filter(isOpen);
    if (!this.#isRush) this.#full = FIRST_BATCH;
    while (this.#maySend && this.#waiting.length >= (this.#hashing > 0 ? this.#full : 1)) this.#sendBatch();
    if (this.#maySend && this.#waiting.length > 0) this.#setAlarm();
  }

  #setAlarm(): void {
    const wait = this.#isRush ? DELAY.later : DELAY.first;
    this.#cancelAlarm ??= this.#tools.clock.alarm(wait, () => {
      this.#cancelAlarm = undefined;
      if (this.#maySend && this.#waiting.some(isOpen)) this.#sendBatch();
    });
  }

  get #isRush(): boolean {
    return this.#tools.clock.now() - this.#lastSent <= RUSH_END;
  }

  get #maySend(): boolean {
    return !this.#isHeld && this.#inFlight < MAX_IN_FLIGHT;
  }

  #sendBatch(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
    const batch = new Set(this.#waiting.splice(0, MAX_BATCH));
    this.#full = Math.min(MAX_BATCH, 2 * this.#full);
    this.#lastSent = this.#tools.clock.now();
    this.#inFlight++;
    void this.#settleAll(batch).finally(() => {
      this.#inFlight--;
      this.#sendReady();
    });
  }

  /** Repeats the batch in an outage, without members that are settled. */
  async #settleAll(batch: Set<Member>): Promise<void> {
    const { apiBreaker: breaker, clock, settings } = this.#tools;
    const { signal } = new AbortController();
    const through = { breaker, clock, rule: settings.outage, signal };
    try {
      await retryThroughOutage(() => this.#attempt(batch), through);
    } catch (error) {
      for (const member of [...batch].filter(isOpen)) member.reject(error);
    }
  }

  /** Settles members. Throws when some met an outage: they stay in the batch for the next attempt. */
  async #attempt(batch: Set<Member>): Promise<void> {
    const members = [...batch].filter(isOpen);
    if (members.length === 0) return;
    for (const member of members) member.isInFlight = true;
    try {
      const results = await this.#tools.api.createBatch(members.map(({ request }) => request));
      for (const [index, member] of members.entries()) this.#settle(member, results[index]);
    } finally {
      for (const member of members) {
        member.isInFlight = false;
        if (isOpen(member) && member.signal.aborted) member.reject(member.signal.reason);
      }
    }
    const refused = members.filter(({ problem }) => isTooManyUploads(problem)).filter(isOpen);
    for (const member of refused) batch.delete(member);
    if (refused.length > 0) this.#requeue(refused);
    const failed = [...batch].find(isOpen);
    if (failed) throw failed.problem;
  }

  #settle(member: Member, result: BatchResult | undefined): void {
    if (result && "upload" in result) {
      this.#holds = 0;
      this.progressed();
      member.resolve(result.upload);
      return;
    }
    member.problem = problemOf(result?.problem ?? { detail: "The API's answer lacks a member of the batch" });
    if (!isTransient(member.problem)) member.reject(member.problem);
  }

  /** Members that were refused go to the head of the queue. They fail soon if no upload of this page progresses. */
  #requeue(members: Member[]): void {
    const { clock, settings } = this.#tools;
    const isProgressing = clock.now() - this.#lastProgress < settings.limitPatience;
    for (const member of members)
      if (!isProgressing && ++member.refusals >= settings.outage.failures) member.reject(member.problem);
    this.#waiting.unshift(...members.filter(isOpen));
    void this.#hold(members[0]?.problem);
  }

  async #hold(problem: unknown): Promise<void> {
    const { clock, settings } = this.#tools;
    if (this.#isHeld) return;
    this.#isHeld = true;
    const wait = backoff(this.#holds++, settings.outage.probes, clock.random());
    await clock.wait(Math.max(wait, retryAfter(problem) ?? 0));
    this.#isHeld = false;
    this.#sendReady();
  }
}

function isOpen({ isSettled }: Member): boolean {
  return !isSettled;
}

function problemOf(problem: Problem): ApiError {
  const { status = 400, retry_after: seconds } = problem;
  return new ApiError(status, problem, seconds === undefined ? undefined : seconds * 1000);
}

// Gathers what small files ask the API to create into batches: few calls, and none waits for long. A batch leaves when it is
// full, when no more files are being hashed, or after a while; the first of a rush are smaller, so that S3 has something to
// do soon. While as many batches travel as may, the next gathers. Each member succeeds or fails by itself.
// Where the owner has too many uploads under way, members wait: files that this page has sent make room when they are processed.
// Must not know what becomes of an upload.

import { ApiError, isTooManyUploads, isTransient, retryAfter } from "../errors";
import { retryThroughOutage } from "../retry/circuit-breaker";
import { backoff } from "../retry/retry";
import type { CallTools } from "./calls";
import type { BatchAnswer, CreatedUpload, CreateRequest, Problem } from "./contract";

/** The API takes no more in one call. */
const MOST = 100;
/** The first batch of a rush; each that follows is twice as large. */
const FIRST = 10;
/** Batches that travel at once. */
const AT_ONCE = 2;
/** Milliseconds that a file waits for others that are being hashed; S3 has something to do after the first batch. */
const GATHER = { first: 50, later: 500 };
/** After so many milliseconds without a batch, a new rush begins. */
const RUSH_OVER = 1_000;

type Member = {
  request: CreateRequest;
  signal: AbortSignal;
  /** On its way, so that its answer is waited for whatever the signal says: an upload may have been created. */
  isTravelling: boolean;
  isSettled: boolean;
  /** How often there were too many uploads. */
  refusals: number;
  /** What it was last answered, where that was no upload. */
  problem: ApiError | undefined;
  resolve: (upload: CreatedUpload) => void;
  reject: (reason: unknown) => void;
};

export class Creates {
  readonly #tools: CallTools;
  #waiting: Member[] = [];
  /** Files that are being hashed. */
  #coming = 0;
  #travelling = 0;
  /** So many members make a batch. */
  #full = FIRST;
  /** When the last batch left. */
  #left = 0;
  /** Rings for files that have waited long enough. */
  #alarm: (() => void) | undefined;
  /** While the owner has too many uploads. */
  #isHeld = false;
  #holds = 0;
  /** When something of this page last went on. */
  #moved = Number.NEGATIVE_INFINITY;

  constructor(tools: CallTools) {
    this.#tools = tools;
  }

  /**
   * What the API made of a request, which is ready when the file is hashed. Asked to stop while the request travels, it
   * resolves all the same: whoever asked knows then what to remove.
   */
  async create(request: () => Promise<CreateRequest>, signal: AbortSignal): Promise<CreatedUpload> {
    this.#coming++;
    try {
      return await this.#join(await request().finally(() => this.#coming--), signal);
    } catch (error) {
      this.#look();
      throw error;
    }
  }

  #join(request: CreateRequest, signal: AbortSignal): Promise<CreatedUpload> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = () => {
        if (!member.isTravelling) member.reject(signal.reason);
      };
      const settle = (answer: () => void) => {
        signal.removeEventListener("abort", leave);
        member.isSettled = true;
        answer();
      };
      const member: Member = {
        ...{ request, signal, isTravelling: false, isSettled: false },
        ...{ refusals: 0, problem: undefined },
        resolve: (upload) => settle(() => resolve(upload)),
        reject: (reason) => settle(() => reject(reason)),
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(member);
      this.#look();
    });
  }

  /** A file of this page is in S3: it makes room for another before long. */
  moved(): void {
    this.#moved = this.#tools.clock.now();
  }

  /** Sends what is full or waits for nobody, and sees to it that the rest leaves in time. */
  #look(): void {
    this.#waiting = this.#waiting.filter(isOpen);
    if (!this.#isRush) this.#full = FIRST;
    while (this.#mayTravel && this.#waiting.length >= (this.#coming > 0 ? this.#full : 1)) this.#dispatch();
    if (this.#mayTravel && this.#waiting.length > 0) this.#setAlarm();
  }

  #setAlarm(): void {
    const wait = this.#isRush ? GATHER.later : GATHER.first;
    this.#alarm ??= this.#tools.clock.alarm(wait, () => {
      this.#alarm = undefined;
      if (this.#mayTravel && this.#waiting.some(isOpen)) this.#dispatch();
    });
  }

  get #isRush(): boolean {
    return this.#tools.clock.now() - this.#left <= RUSH_OVER;
  }

  get #mayTravel(): boolean {
    return !this.#isHeld && this.#travelling < AT_ONCE;
  }

  #dispatch(): void {
    this.#alarm?.();
    this.#alarm = undefined;
    const batch = new Set(this.#waiting.splice(0, MOST));
    this.#full = Math.min(MOST, 2 * this.#full);
    this.#left = this.#tools.clock.now();
    this.#travelling++;
    void this.#send(batch).finally(() => {
      this.#travelling--;
      this.#look();
    });
  }

  /** The whole batch is tried again in an outage, without those that are settled or given up. */
  async #send(batch: Set<Member>): Promise<void> {
    const { apiBreaker: breaker, clock, settings } = this.#tools;
    const { signal } = new AbortController();
    const through = { breaker, clock, rule: settings.outage, signal };
    try {
      await retryThroughOutage(() => this.#attempt(batch), through);
    } catch (error) {
      for (const member of [...batch].filter(isOpen)) member.reject(error);
    }
  }

  /** Settles whom it can. Throws where members met an outage: they stay in the batch for the next attempt. */
  async #attempt(batch: Set<Member>): Promise<void> {
    const members = [...batch].filter(isOpen);
    if (members.length === 0) return;
    for (const member of members) member.isTravelling = true;
    try {
      const answers = await this.#tools.api.createBatch(members.map(({ request }) => request));
      for (const [index, member] of members.entries()) this.#hear(member, answers[index]);
    } finally {
      for (const member of members) {
        member.isTravelling = false;
        if (isOpen(member) && member.signal.aborted) member.reject(member.signal.reason);
      }
    }
    const refused = members.filter(({ problem }) => isTooManyUploads(problem)).filter(isOpen);
    for (const member of refused) batch.delete(member);
    if (refused.length > 0) this.#refuse(refused);
    const failed = [...batch].find(isOpen);
    if (failed) throw failed.problem;
  }

  #hear(member: Member, answer: BatchAnswer | undefined): void {
    if (answer && "upload" in answer) {
      this.#holds = 0;
      this.moved();
      member.resolve(answer.upload);
      return;
    }
    member.problem = problemOf(answer?.problem ?? { detail: "The API's answer lacks a member of the batch" });
    if (!isTransient(member.problem)) member.reject(member.problem);
  }

  /** They wait before all others, as long as anything goes on; where nothing ever did, they fail soon. */
  #refuse(members: Member[]): void {
    const { clock, settings } = this.#tools;
    const isMoving = clock.now() - this.#moved < settings.roomPatience;
    for (const member of members)
      if (!isMoving && ++member.refusals >= settings.outage.failures) member.reject(member.problem);
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
    this.#look();
  }
}

function isOpen({ isSettled }: Member): boolean {
  return !isSettled;
}

function problemOf(problem: Problem): ApiError {
  const { status = 400, retry_after: seconds } = problem;
  return new ApiError(status, problem, seconds === undefined ? undefined : seconds * 1000);
}

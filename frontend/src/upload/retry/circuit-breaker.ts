// A circuit breaker shared by all that talk to one service. After several attempts in a row without an answer, one
// caller goes on trying and the others wait and burn no bytes. After one success all go on. The caller that tries does
// so at once when the browser says that the network is back. Time offline uses up no patience.
// Must not know what is attempted, nor how often an attempt may fail while others succeed.

import type { Connectivity } from "../browser/connectivity";
import type { Clock } from "../clock";
import { following } from "../concurrency/linked-abort";
import {
  ApiError,
  isOutage,
  isTransient,
  NetworkError,
  NeverAnswered,
  PartError,
  retryAfter,
} from "../errors";
import { type Backoff, backoff, retry } from "./retry";

export type BreakerRule = {
  /** So many attempts in a row without an answer are an outage. */
  failures: number;
  /** How long the caller that tries waits between its attempts. */
  probes: Backoff;
  /** An outage is no longer waited for after so many milliseconds of waiting. The time a computer sleeps is not waiting. */
  patience: number;
  /** A service that has never answered is waited for so many milliseconds only: its address may be wrong. */
  first: number;
};

/** An outage as a person hears of it. */
export type Outage = {
  /** Milliseconds since 1970. */
  since: number;
  /** The service has not answered once since the page opened: its address may be wrong. */
  neverAnswered: boolean;
  /** What the last attempt met. */
  error: unknown;
};

export class Breaker {
  readonly #clock: Clock;
  readonly #connectivity: Connectivity;
  readonly #rule: BreakerRule;
  readonly #onChange: () => void;
  readonly #wasReached: () => boolean;
  /** When the first failed attempt began, plus all time that does not count: waiting offline or asleep. */
  #began: number | undefined;
  #failures = 0;
  #outage: Outage | undefined;
  #hasAnswered = false;
  #probes = 0;
  #waited = 0;
  #probing = false;
  #retryAfter = 0;
  readonly #waiting = new Set<{ go: () => void; fail: (error: unknown) => void }>();

  /**
   * `onChange` is called when an outage begins and when it ends; `wasReached` tells whether somebody else had an answer
   * of the service since the page was opened.
   */
  constructor(
    rule: BreakerRule,
    clock: Clock,
    connectivity: Connectivity,
    onChange = () => {},
    wasReached = () => false,
  ) {
    this.#wasReached = wasReached;
    this.#rule = rule;
    this.#clock = clock;
    this.#connectivity = connectivity;
    this.#onChange = onChange;
  }

  get outage(): Outage | undefined {
    return this.#outage;
  }

  /** True in an outage that is still worth waiting for. */
  get isOpen(): boolean {
    return this.#outage !== undefined && !this.isExhausted;
  }

  /** True in an outage that has lasted longer than the rule's patience. */
  get isExhausted(): boolean {
    return this.#outage !== undefined && this.#waited >= this.#rule.patience;
  }

  /** The service is there, though it may not have answered yet: bytes travel to it. */
  reached(): void {
    this.#hasAnswered = true;
  }

  /**
   * Does the work; in an outage, when it is this caller's turn to try or when the outage is over. Rejects with
   * NeverAnswered where nobody ever had an answer and the time for a first one is over.
   */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const probing = await this.#turn(signal);
    const began = this.#clock.now();
    try {
      const result = await work();
      this.#close();
      return result;
    } catch (error) {
      if (isOutage(error)) {
        this.#began ??= began;
        throw this.#failed(error, probing);
      }
      if (error instanceof ApiError || error instanceof PartError) this.#close(); // a refusal is an answer
      throw error;
    } finally {
      if (probing) this.#release();
    }
  }

  /** Resolves with true for the caller that tries. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      if (!this.#outage) return false;
      if (this.#probing) await this.#changed(signal);
      else if (await this.#elected(signal)) return true;
    }
  }

  /** Waits until it is time to try; false when the outage ended meanwhile. */
  async #elected(signal: AbortSignal): Promise<boolean> {
    this.#probing = true;
    try {
      const random = backoff(this.#probes, this.#rule.probes, this.#clock.random());
      const wait = Math.min(Math.max(random, this.#retryAfter), this.#timeForFirst);
      await this.#wait(wait, signal);
      if (this.#outage) return true;
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#release();
    return false;
  }

  /** Waits. Only time online and awake counts towards the patience and the time for a first answer. */
  async #wait(wait: number, signal: AbortSignal): Promise<void> {
    const began = this.#clock.now();
    const isOnline = this.#connectivity.isOnline();
    await this.#pass(wait, signal);
    const passed = this.#clock.now() - began;
    const counted = isOnline && this.#connectivity.isOnline() ? Math.min(passed, wait) : 0;
    this.#waited += counted;
    if (this.#began !== undefined) this.#began += passed - counted;
  }

  /** So many milliseconds, or less when the network comes back meanwhile. */
  async #pass(wait: number, signal: AbortSignal): Promise<void> {
    const { controller: over, release } = following(signal);
    try {
      await Promise.race([this.#clock.wait(wait, over.signal), this.#connectivity.back(over.signal)]);
    } finally {
      over.abort();
      release();
    }
  }

  /** Milliseconds for which a first answer is still waited for. */
  get #timeForFirst(): number {
    const isUnlimited = this.#hasAnswered || this.#wasReached() || !this.#connectivity.isOnline();
    if (isUnlimited) return Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    return Math.max(0, (this.#began ?? now) + this.#rule.first - now);
  }

  /** What the caller is told. */
  #failed(error: unknown, probing: boolean): unknown {
    if (error instanceof ApiError || error instanceof PartError) this.#hasAnswered = true;
    if (error instanceof NetworkError && error.address !== undefined && this.#timeForFirst === 0)
      return this.#giveUp(new NeverAnswered(error.address, error));
    this.#failures++;
    this.#retryAfter = retryAfter(error) ?? 0;
    if (probing) this.#probes++;
    if (this.#outage) this.#outage.error = error;
    else if (this.#failures >= this.#rule.failures) this.#open(error);
    return error;
  }

  /** All who wait hear of it. Whoever comes later has one attempt. */
  #giveUp(error: NeverAnswered): NeverAnswered {
    for (const { fail } of [...this.#waiting]) fail(error);
    this.#reset();
    return error;
  }

  #open(error: unknown): void {
    const neverAnswered = !this.#hasAnswered && !this.#wasReached();
    this.#outage = { since: this.#clock.now(), neverAnswered, error };
    this.#onChange();
  }

  #close(): void {
    this.#hasAnswered = true;
    this.#reset();
  }

  #reset(): void {
    const isOver = this.#outage !== undefined;
    this.#failures = 0;
    this.#outage = undefined;
    this.#probes = 0;
    this.#waited = 0;
    this.#retryAfter = 0;
    this.#wake();
    if (isOver) this.#onChange();
  }

  #release(): void {
    this.#probing = false;
    this.#wake();
  }

  #wake(): void {
    for (const { go } of [...this.#waiting]) go();
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        signal.removeEventListener("abort", stop);
        this.#waiting.delete(waiter);
        answer();
      };
      const stop = () => settle(() => reject(signal.reason));
      const waiter = { go: () => settle(resolve), fail: (error: unknown) => settle(() => reject(error)) };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", stop);
    });
  }
}

export type ThroughOutage = { breaker: Breaker; clock: Clock; rule: BreakerRule; signal: AbortSignal };

/**
 * Does the work until it succeeds or fails for good. An outage is waited for as long as the breaker is open. This is
 * the only layer that repeats a call: the work itself must be one attempt.
 */
export function retryThroughOutage<T>(
  work: () => Promise<T>,
  { breaker, clock, rule, signal }: ThroughOutage,
): Promise<T> {
  return retry(() => breaker.use(signal, work), {
    rule: { tries: rule.failures, ...rule.probes },
    clock,
    isRetryable: isTransient,
    isExempt: (error) => isOutage(error) && breaker.isOpen,
    signal,
  });
}

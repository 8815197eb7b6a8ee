// A circuit breaker shared by all that talk to one service. After several attempts in a row without an answer, one
// caller goes on trying and the others wait and burn no bytes. After one success all go on. Offline, nobody tries.
// Must not know what is attempted, nor how often an attempt may fail while others succeed.
import type { Clock } from "./clock";
import type { Connectivity } from "./connectivity";
import { ApiError, isOutage, isTransient, PartError, retryAfter } from "./errors";
import { type Backoff, backoff, retry } from "./retry";

export type BreakerRule = {
  /** So many attempts in a row without an answer are an outage. */
  failures: number;
  /** How long the caller that tries waits between its attempts. */
  probes: Backoff;
  /** An outage is no longer waited for after so many milliseconds of waiting. The time a computer sleeps is not waiting. */
  patience: number;
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
  #failures = 0;
  #outage: Outage | undefined;
  #hasAnswered = false;
  #probes = 0;
  #waited = 0;
  #probing = false;
  #retryAfter = 0;
  #waiting = new Set<() => void>();

  /** `onChange` is called when an outage begins and when it ends. */
  constructor(rule: BreakerRule, clock: Clock, connectivity: Connectivity, onChange = () => {}) {
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

  /** Does the work; in an outage, when it is this caller's turn to try or when the outage is over. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const probing = await this.#turn(signal);
    try {
      const result = await work();
      this.#close();
      return result;
    } catch (error) {
      if (isOutage(error)) this.#failed(error, probing);
      else if (error instanceof ApiError || error instanceof PartError) this.#close(); // a refusal is an answer
      throw error;
    } finally {
      if (probing) this.#release();
    }
  }

  /** Resolves with true for the caller that tries. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      if (!this.#connectivity.isOnline()) await this.#connectivity.online(signal);
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
      const wait = Math.max(random, this.#retryAfter);
      await this.#clock.wait(wait, signal);
      this.#waited += wait;
      if (!this.#connectivity.isOnline()) await this.#connectivity.online(signal);
      if (this.#outage) return true;
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#release();
    return false;
  }

  #failed(error: unknown, probing: boolean): void {
    this.#failures++;
    this.#retryAfter = retryAfter(error) ?? 0;
    if (probing) this.#probes++;
    if (this.#outage) this.#outage.error = error;
    else if (this.#failures >= this.#rule.failures) this.#open(error);
  }

  #open(error: unknown): void {
    this.#outage = { since: this.#clock.now(), neverAnswered: !this.#hasAnswered, error };
    this.#onChange();
  }

  #close(): void {
    const isOver = this.#outage !== undefined;
    this.#hasAnswered = true;
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
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const go of waiting) go();
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.delete(go);
        reject(signal.reason);
      };
      this.#waiting.add(go);
      signal.addEventListener("abort", stop, { once: true });
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

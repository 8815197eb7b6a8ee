// A circuit breaker, shared by all callers of one service. After several failures in a row it opens: one caller probes
// the service, the others wait and send no bytes. After one success all continue. The probe runs at once when the
// browser reports that the network is back. Time offline does not count towards the patience.
// Must not know what callers attempt, nor how often an attempt may fail while others succeed.

import type { Clock } from "../clock";
import { abortable, linkedAbort } from "../concurrency/linked-abort";
import { ApiError, isOutage, NetworkError, NeverAnswered, PartError, retryAfter } from "../errors";
import type { Connectivity } from "../ports";
import { type Backoff, backoff } from "./backoff";

export type BreakerRule = {
  /** This many failures in a row are an outage. */
  failures: number;
  /** How long the probing caller waits between its attempts. */
  probes: Backoff;
  /** Milliseconds of waiting after which callers stop waiting. Time asleep or offline does not count. */
  patience: number;
  /** Milliseconds to wait for a service that has never answered: its address may be wrong. */
  firstTimeout: number;
};

/** An outage, as the page shows it to a person. */
export type Outage = {
  /** Milliseconds since 1970. */
  since: number;
  /** The service has not answered once since the page opened: its address may be wrong. */
  neverAnswered: boolean;
  /** The error of the last attempt. */
  error: unknown;
};

export type BreakerOptions = {
  rule: BreakerRule;
  clock: Clock;
  connectivity: Connectivity;
  /** Called when an outage starts and when it ends. */
  onChange?: () => void;
  /** Returns whether a call outside this breaker has had an answer of the service since the page opened. */
  wasReached?: () => boolean;
};

type Waiter = { wake: () => void; fail: (error: unknown) => void };

export class CircuitBreaker {
  readonly #options: BreakerOptions;
  /** When the first failed attempt started, plus all time that does not count: offline or asleep. */
  #failingSince: number | undefined;
  #failures = 0;
  #outage: Outage | undefined;
  #hasAnswered = false;
  #probes = 0;
  #waited = 0;
  #isProbing = false;
  #retryAfter = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(options: BreakerOptions) {
    this.#options = options;
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
    return this.#outage !== undefined && this.#waited >= this.#options.rule.patience;
  }

  /** Bytes travel to the service: its address is right, though no response has come yet. */
  reached(): void {
    this.#hasAnswered = true;
  }

  /**
   * Does the work. In an outage it waits first: until this caller probes, or until the outage is over. Rejects with
   * NeverAnswered when the service has never answered and the time for a first answer is over.
   */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const isProbe = await this.#admit(signal);
    const started = this.#options.clock.now();
    try {
      const result = await work();
      this.#close();
      return result;
    } catch (error) {
      if (isOutage(error)) {
        this.#failingSince ??= started;
        throw this.#countFailure(error, isProbe);
      }
      if (error instanceof ApiError || error instanceof PartError) this.#close(); // a refusal is an answer
      throw error;
    } finally {
      if (isProbe) this.#endProbe();
    }
  }

  /** Resolves with true for the caller that probes. */
  async #admit(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      if (!this.#outage) return false;
      if (this.#isProbing) await this.#changed(signal);
      else if (await this.#startProbe(signal)) return true;
    }
  }

  /** Waits until it is time to probe. Resolves with false when the outage ended meanwhile. */
  async #startProbe(signal: AbortSignal): Promise<boolean> {
    const { rule, clock } = this.#options;
    this.#isProbing = true;
    try {
      const random = backoff(this.#probes, rule.probes, clock.random());
      await this.#wait(Math.min(Math.max(random, this.#retryAfter), this.#timeForFirst), signal);
      if (this.#outage) return true;
    } catch (error) {
      this.#endProbe();
      throw error;
    }
    this.#endProbe();
    return false;
  }

  /** Waits. Only time online and awake counts towards the patience and the time for a first answer. */
  async #wait(wait: number, signal: AbortSignal): Promise<void> {
    const { clock, connectivity } = this.#options;
    const started = clock.now();
    const wasOnline = connectivity.isOnline();
    await this.#timeOrNetwork(wait, signal);
    const passed = clock.now() - started;
    const counted = wasOnline && connectivity.isOnline() ? Math.min(passed, wait) : 0;
    this.#waited += counted;
    if (this.#failingSince !== undefined) this.#failingSince += passed - counted;
  }

  /** Resolves after `wait` milliseconds, or earlier when the network comes back. */
  async #timeOrNetwork(wait: number, signal: AbortSignal): Promise<void> {
    const { clock, connectivity } = this.#options;
    const { controller: over, release } = linkedAbort(signal);
    try {
      await Promise.race([clock.wait(wait, over.signal), connectivity.back(over.signal)]);
    } finally {
      over.abort();
      release();
    }
  }

  /** Milliseconds that remain for a first answer. */
  get #timeForFirst(): number {
    const { rule, clock, connectivity } = this.#options;
    if (this.#wasReached || !connectivity.isOnline()) return Number.POSITIVE_INFINITY;
    const now = clock.now();
    return Math.max(0, (this.#failingSince ?? now) + rule.firstTimeout - now);
  }

  get #wasReached(): boolean {
    return this.#hasAnswered || (this.#options.wasReached?.() ?? false);
  }

  /** Returns the error for the caller. */
  #countFailure(error: unknown, isProbe: boolean): unknown {
    if (error instanceof ApiError || error instanceof PartError) this.#hasAnswered = true;
    if (error instanceof NetworkError && error.address !== undefined && this.#timeForFirst === 0)
      return this.#failAll(new NeverAnswered(error.address, error));
    this.#failures++;
    this.#retryAfter = retryAfter(error) ?? 0;
    if (isProbe) this.#probes++;
    if (this.#outage) this.#outage.error = error;
    else if (this.#failures >= this.#options.rule.failures) this.#open(error);
    return error;
  }

  /** Rejects all waiting callers. Later callers have one attempt each. */
  #failAll(error: NeverAnswered): NeverAnswered {
    for (const { fail } of [...this.#waiting]) fail(error);
    this.#reset();
    return error;
  }

  #open(error: unknown): void {
    this.#outage = { since: this.#options.clock.now(), neverAnswered: !this.#wasReached, error };
    this.#options.onChange?.();
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
    this.#wakeAll();
    if (isOver) this.#options.onChange?.();
  }

  #endProbe(): void {
    this.#isProbing = false;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const { wake } of [...this.#waiting]) wake();
  }

  /** Resolves when a probe or the outage ends. */
  #changed(signal: AbortSignal): Promise<void> {
    return abortable<void>(signal, (wake, fail) => {
      const waiter = { wake, fail };
      this.#waiting.add(waiter);
      return () => this.#waiting.delete(waiter);
    });
  }
}

// A circuit breaker shared by all that talk to one service: when several attempts in a row get no answer, one goes
// on trying, the others wait and burn no bytes; when one succeeds, all go on. Offline, nobody tries.
// Must not know what is attempted, nor how often an attempt may fail while others succeed.
import type { Clock } from "./clock";
import type { Connectivity } from "./connectivity";
import { isOutage, retryAfter } from "./errors";
import { type Backoff, backoff } from "./retry";

export type BreakerRule = {
  /** So many attempts in a row without an answer are an outage. */
  failures: number;
  /** How long the one that tries waits between its attempts. */
  probes: Backoff;
  /** An outage that lasts longer (milliseconds) is no longer waited for. */
  patience: number;
};

export class Breaker {
  readonly #clock: Clock;
  readonly #connectivity: Connectivity;
  readonly #rule: BreakerRule;
  #failures = 0;
  #since: number | undefined;
  #probes = 0;
  #probing = false;
  #asked = 0;
  #waiting = new Set<() => void>();

  constructor(rule: BreakerRule, clock: Clock, connectivity: Connectivity) {
    this.#rule = rule;
    this.#clock = clock;
    this.#connectivity = connectivity;
  }

  /** True in an outage that is still worth waiting for. */
  get isOpen(): boolean {
    return this.#since !== undefined && this.#clock.now() - this.#since < this.#rule.patience;
  }

  /** Does the work; in an outage, when it is this one's turn to try or when the outage is over. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const probing = await this.#turn(signal);
    try {
      const result = await work();
      this.#close();
      return result;
    } catch (error) {
      if (isOutage(error)) this.#failed(error, probing);
      throw error;
    } finally {
      if (probing) this.#release();
    }
  }

  /** Resolves with true for the one that tries. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      if (!this.#connectivity.isOnline()) await this.#connectivity.online(signal);
      if (this.#since === undefined) return false;
      if (this.#probing) await this.#changed(signal);
      else if (await this.#elected(signal)) return true;
    }
  }

  /** Waits until it is time to try; false when the outage ended meanwhile. */
  async #elected(signal: AbortSignal): Promise<boolean> {
    this.#probing = true;
    try {
      const wait = backoff(this.#probes, this.#rule.probes, this.#clock.random());
      await this.#clock.wait(Math.max(wait, this.#asked), signal);
      if (!this.#connectivity.isOnline()) await this.#connectivity.online(signal);
      if (this.#since !== undefined) return true;
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#release();
    return false;
  }

  #failed(error: unknown, probing: boolean): void {
    this.#failures++;
    this.#asked = retryAfter(error) ?? 0;
    if (probing) this.#probes++;
    if (probing || this.#failures >= this.#rule.failures) this.#since ??= this.#clock.now();
  }

  #close(): void {
    this.#failures = 0;
    this.#since = undefined;
    this.#probes = 0;
    this.#asked = 0;
    this.#wake();
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

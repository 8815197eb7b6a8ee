// Exponential backoff with full jitter, for anything that may work the next time.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
// Must not know what it repeats: the caller says which errors pass.
import type { Breaker, BreakerRule } from "./breaker";
import type { Clock } from "./clock";
import { isOutage, retryAfter } from "./errors";

export type Backoff = {
  /** The longest wait after the first failure, in milliseconds; it doubles from there. */
  base: number;
  /** No wait is longer than this, in milliseconds. */
  cap: number;
};

export type RetryRule = Backoff & {
  /** How often the work is tried in all. */
  tries: number;
};

/** How long to wait after failure number `failure` (from 0), in milliseconds. */
export function backoff(failure: number, rule: Backoff, random: number): number {
  return random * Math.min(rule.cap, rule.base * 2 ** failure);
}

export type Retrying = {
  rule: RetryRule;
  clock: Clock;
  passes: (error: unknown) => boolean;
  /** Failures that are not this work's own: they neither count nor wait. */
  excused?: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
};

export type Patiently = { breaker: Breaker; clock: Clock; rule: BreakerRule; signal: AbortSignal };

/** Does the work until it succeeds, fails for good, or the tries are used up. */
export async function retrying<T>(
  work: () => Promise<T>,
  { rule, clock, passes, excused, signal }: Retrying,
): Promise<T> {
  for (let failures = 0; ; ) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || !passes(error)) throw error;
      if (excused?.(error)) continue;
      if (++failures >= rule.tries) throw error;
      const wait = backoff(failures - 1, rule, clock.random());
      await clock.wait(Math.max(wait, retryAfter(error) ?? 0), signal);
    }
  }
}

/** Does the work until it succeeds or fails for good; an outage is waited for as long as the breaker is open. */
export function patiently<T>(
  work: () => Promise<T>,
  { breaker, clock, rule, signal }: Patiently,
): Promise<T> {
  return retrying(() => breaker.use(signal, work), {
    rule: { tries: rule.failures, ...rule.probes },
    clock,
    passes: isOutage,
    excused: () => breaker.isOpen,
    signal,
  });
}

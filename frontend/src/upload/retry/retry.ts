// Exponential backoff with full jitter, for anything that may work the next time.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
// Must not know what it repeats: the caller says which errors are worth another try.
import type { Clock } from "../clock";
import { retryAfter } from "../errors";

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

export type Retry = {
  rule: RetryRule;
  clock: Clock;
  isRetryable: (error: unknown) => boolean;
  /** Failures that do not count as tries. The work itself waits before it tries again. */
  isExempt?: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
};

/** Does the work until it succeeds, fails for good, or the tries are used up. */
export async function retry<T>(
  work: () => Promise<T>,
  { rule, clock, isRetryable, isExempt, signal }: Retry,
): Promise<T> {
  for (let failures = 0; ; ) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || !isRetryable(error)) throw error;
      if (isExempt?.(error)) continue;
      if (++failures >= rule.tries) throw error;
      const wait = backoff(failures - 1, rule, clock.random());
      await clock.wait(Math.max(wait, retryAfter(error) ?? 0), signal);
    }
  }
}

// Repeats work that may succeed the next time, with backoff between the attempts.
// Must not know what it repeats: the caller decides which errors are retryable.
import type { Clock } from "../clock";
import { retryAfter } from "../errors";
import { type Backoff, backoff } from "./backoff";

export type RetryRule = Backoff & {
  /** How often the work is attempted, at most. */
  tries: number;
};

export type Retry = {
  rule: RetryRule;
  clock: Clock;
  isRetryable: (error: unknown) => boolean;
  /** True for failures that do not count as tries. The next attempt starts at once: the work itself must wait. */
  isExempt?: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
};

/**
 * Resolves with the result of the first attempt that succeeds. Rejects with the last error when the tries are used up
 * or the error is not retryable. A server's `Retry-After` lengthens the wait.
 */
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

// Exponential backoff with full jitter, for anything that may work the next time.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
// Must not know what it repeats: the caller says which errors pass.
import type { Clock } from "./clock";

export type RetryRule = {
  /** How often the work is tried in all. */
  tries: number;
  /** The longest wait after the first failure, in milliseconds; it doubles from there. */
  base: number;
  /** No wait is longer than this, in milliseconds. */
  cap: number;
};

/** How long to wait after failure number `failure` (from 0), in milliseconds. */
export function backoff(failure: number, rule: RetryRule, random: number): number {
  return random * Math.min(rule.cap, rule.base * 2 ** failure);
}

export type Retrying = {
  rule: RetryRule;
  clock: Clock;
  passes: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
};

/** Does the work until it succeeds, fails for good, or the tries are used up. */
export async function retrying<T>(
  work: () => Promise<T>,
  { rule, clock, passes, signal }: Retrying,
): Promise<T> {
  for (let failure = 0; ; failure++) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || failure + 1 >= rule.tries || !passes(error)) throw error;
      await clock.wait(backoff(failure, rule, clock.random()), signal);
    }
  }
}

// How what did not reach S3 is sent again: a few times while others succeed, as long as it takes in an outage and where the
// line breaks. Must not know what is sent.

import type { Clock } from "../clock";
import type { Travel } from "../concurrency/transfer";
import { BrokenLine, isOutage, NetworkError, PartError, Unsigned } from "../errors";
import type { Breaker } from "./circuit-breaker";
import { whyFailed } from "./read-failures";
import { backoff, type RetryRule, retry } from "./retry";
import type { Verdict } from "./s3-errors";

const RETRYABLE: ReadonlySet<Verdict> = new Set(["outage", "retry", "refused"]);

export type RetrySending = {
  breaker: Breaker;
  clock: Clock;
  rule: RetryRule;
  isRetryable: (error: unknown) => boolean;
  signal: AbortSignal;
};

/** Whether another try may succeed, whatever is sent. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof PartError) return RETRYABLE.has(error.verdict);
  return error instanceof NetworkError;
}

/** Why a load did not arrive: its file is gone, the connection broke after bytes had left, or what `error` says. */
export async function whyNotSent(error: unknown, data: Blob, travel: Travel, clock: Clock): Promise<unknown> {
  const why = await whyFailed(error, data, clock, travel.signal);
  if (why instanceof NetworkError && travel.sent > 0) return new BrokenLine(why.message, { cause: why });
  return why;
}

/**
 * In an outage whoever sends waits for its turn, and that counts for nothing: it is not this load that is ill. Nor is it
 * where the line breaks.
 */
export async function retrySending<T>(
  send: () => Promise<T>,
  { breaker, clock, rule, isRetryable, signal }: RetrySending,
): Promise<T> {
  let breaks = 0;
  const attempt = async () => {
    try {
      return await send();
    } catch (error) {
      if (error instanceof BrokenLine && !breaker.isOpen)
        await clock.wait(backoff(breaks++, rule, clock.random()), signal);
      throw error;
    }
  };
  const isExempt = (error: unknown) =>
    isOutage(error) && (breaker.isOpen || (error instanceof BrokenLine && !breaker.isExhausted));
  try {
    return await retry(attempt, { rule, clock, isRetryable, isExempt, signal });
  } catch (error) {
    throw error instanceof Unsigned ? error.cause : error;
  }
}

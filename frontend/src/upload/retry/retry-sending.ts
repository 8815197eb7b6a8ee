// Retries requests to S3: a few times while others succeed, and without limit in an outage or while connections break.
// Must not know whether a part or a whole file is sent.

import type { Clock } from "../clock";
import type { Transfer } from "../concurrency/transfer";
import { ConnectionBroken, isOutage, NetworkError, NoSheet, PartError } from "../errors";
import { backoff } from "./backoff";
import type { CircuitBreaker } from "./circuit-breaker";
import { causeOf } from "./read-failures";
import { type RetryRule, retry } from "./retry";
import type { Verdict } from "./s3-errors";

const RETRYABLE: ReadonlySet<Verdict> = new Set(["outage", "retry", "refused"]);

export type RetrySending = {
  breaker: CircuitBreaker;
  clock: Clock;
  rule: RetryRule;
  isRetryable: (error: unknown) => boolean;
  signal: AbortSignal;
};

/** Whether another attempt may succeed, for a part and for a whole file alike. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof PartError) return RETRYABLE.has(error.verdict);
  return error instanceof NetworkError;
}

/** Returns why a load did not arrive: the file is gone, the connection broke after bytes had left, or `error`. */
export async function sendFailure(
  error: unknown,
  data: Blob,
  transfer: Transfer,
  clock: Clock,
): Promise<unknown> {
  const cause = await causeOf(error, data, clock, transfer.signal);
  if (cause instanceof NetworkError && transfer.sent > 0)
    return new ConnectionBroken(cause.message, { cause });
  return cause;
}

/**
 * Resolves once `send` succeeds. Failures in an outage and broken connections do not count as tries, because the load
 * is not their cause. The breaker waits in an outage; here the wait grows with each broken connection.
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
      if (error instanceof ConnectionBroken && !breaker.isOpen)
        await clock.wait(backoff(breaks++, rule, clock.random()), signal);
      throw error;
    }
  };
  const isExempt = (error: unknown) =>
    isOutage(error) && (breaker.isOpen || (error instanceof ConnectionBroken && !breaker.isExhausted));
  try {
    return await retry(attempt, { rule, clock, isRetryable, isExempt, signal });
  } catch (error) {
    throw error instanceof NoSheet ? error.cause : error;
  }
}

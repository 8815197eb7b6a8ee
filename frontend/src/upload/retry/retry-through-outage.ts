// Repeats a call of a service: a few times while others succeed, and through an outage, in which its circuit breaker
// makes callers wait. Must not know what the call does.
import type { Clock } from "../clock";
import { isOutage, isTransient } from "../errors";
import type { BreakerRule, CircuitBreaker } from "./circuit-breaker";
import { retry } from "./retry";

export type ThroughOutage = {
  breaker: CircuitBreaker;
  clock: Clock;
  rule: BreakerRule;
  signal: AbortSignal;
};

/**
 * Resolves when the work succeeds. Rejects when it fails for good, or when the outage outlasts the rule's patience.
 * This is the only layer that repeats a call: `work` must be a single attempt.
 */
export function retryThroughOutage<T>(
  work: () => Promise<T>,
  { breaker, clock, rule, signal }: ThroughOutage,
): Promise<T> {
  return retry(() => breaker.use(signal, work), {
    rule: { tries: rule.failures, ...rule.probes },
    clock,
    isRetryable: isTransient,
    isExempt: (error) => isOutage(error) && breaker.isOpen, // the breaker waits before the next attempt
    signal,
  });
}

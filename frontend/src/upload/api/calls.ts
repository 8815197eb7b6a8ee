// Calls of the API on behalf of one upload. Must not know what the responses are used for.

import type { Clock } from "../clock";
import { goneAsUndefined, isTransient } from "../errors";
import type { CircuitBreaker } from "../retry/circuit-breaker";
import { type RetryRule, retry } from "../retry/retry";
import { retryThroughOutage } from "../retry/retry-through-outage";
import type { Settings } from "../settings";
import type { Api } from "./api";

export type CallTools = { api: Api; apiBreaker: CircuitBreaker; clock: Clock; settings: Settings };

/** Repeats a call of the API until it succeeds or fails for good; waits through an outage. */
export function callApi<T>(
  { apiBreaker, clock, settings }: CallTools,
  call: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return retryThroughOutage(call, { breaker: apiBreaker, clock, rule: settings.outage, signal });
}

/** Removes an upload; waits through an outage. One that is gone counts as removed: an earlier response may be lost. */
export async function removeUpload(tools: CallTools, id: string): Promise<void> {
  await callApi(tools, () => tools.api.remove(id), new AbortController().signal).catch(goneAsUndefined);
}

/** Removes an upload with a few tries, while a person waits for an error message. Never rejects. */
export async function removeQuickly(tools: CallTools, id: string): Promise<void> {
  await tryToRemove(tools, tools.settings.abortRetry, id).catch(() => undefined);
}

/** Removes an upload with as many tries as the rule allows, also in an outage. Rejects with the last error. */
export function tryToRemove(
  { api, clock }: Pick<CallTools, "api" | "clock">,
  rule: RetryRule,
  id: string,
): Promise<void> {
  return retry(() => api.remove(id), { rule, clock, isRetryable: isTransient });
}

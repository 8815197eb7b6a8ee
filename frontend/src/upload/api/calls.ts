// Calls of the API that an upload waits for, through an outage as well. Must not know what the answers are for.

import type { Clock } from "../clock";
import { goneAsUndefined, isTransient } from "../errors";
import { type Breaker, retryThroughOutage } from "../retry/circuit-breaker";
import { type RetryRule, retry } from "../retry/retry";
import type { Settings } from "../settings";
import type { Api } from "./api";

export type CallTools = { api: Api; apiBreaker: Breaker; clock: Clock; settings: Settings };

/** One attempt after the other; an outage is waited for. */
export function ask<T>(
  { apiBreaker, clock, settings }: CallTools,
  call: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return retryThroughOutage(call, { breaker: apiBreaker, clock, rule: settings.outage, signal });
}

/** An upload that is gone already is as good as removed: the answer to an earlier call may have been lost. */
export async function removeUpload(tools: CallTools, id: string): Promise<void> {
  await ask(tools, () => tools.api.remove(id), new AbortController().signal).catch(goneAsUndefined);
}

/** While a person waits for the reason: a few tries, and no word where they fail. */
export async function removeQuickly(tools: CallTools, id: string): Promise<void> {
  await tryToRemove(tools, tools.settings.abortRetry, id).catch(() => undefined);
}

/** As often as the rule says, whether there is an outage or not. Rejects with what the last try met. */
export function tryToRemove(
  { api, clock }: Pick<CallTools, "api" | "clock">,
  rule: RetryRule,
  id: string,
): Promise<void> {
  return retry(() => api.remove(id), { rule, clock, isRetryable: isTransient });
}

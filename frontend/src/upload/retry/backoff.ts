// Exponential backoff with full jitter. Pure: it neither waits nor knows what for.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

export type Backoff = {
  /** The longest wait after the first failure, in milliseconds; it doubles with each further failure. */
  base: number;
  /** The longest wait of all, in milliseconds. */
  cap: number;
};

/** Milliseconds to wait after failure number `failure` (from 0); `random` is in [0, 1). */
export function backoff(failure: number, rule: Backoff, random: number): number {
  return random * Math.min(rule.cap, rule.base * 2 ** failure);
}

// The engine's settings: limits, times and retry rules, each with its unit, and the reasons for the defaults.
// Must not know how they are used.
import type { LookaheadRule } from "./concurrency/lookahead";
import type { Backoff } from "./retry/backoff";
import type { BreakerRule } from "./retry/circuit-breaker";
import type { RetryRule } from "./retry/retry";

export type Settings = {
  /** Requests in flight to one host name, at most. A browser opens six HTTP/1.1 connections to each. */
  connectionsPerHost: number;
  /** How many of these start at once. The others follow while throughput grows. */
  connectionsAtFirst: number;
  /** Bytes that must be in flight together before their speed counts as the line's rate. */
  minBytesForRate: number;
  /** The origins of S3, where they are known before an upload is created. */
  origins: readonly string[];
  /** Files that are sent in parts at the same time, at most. */
  filesAtOnce: number;
  /** Files of up to this many bytes are hashed before they are created and sent whole, so that S3 verifies them. */
  putMaxSize: number;
  /** How many files to send whole are hashed and created ahead. */
  lookahead: LookaheadRule;
  /** Milliseconds without any progress after which files stop waiting for the owner's limit of uploads in progress. */
  limitPatience: number;
  /** Milliseconds that a whole file, or a part that is mostly sent, may take to finish after a pause. */
  pauseGrace: number;
  /** Milliseconds without a byte leaving the page after which a request to S3 is aborted and retried. */
  stallTimeout: number;
  /** Milliseconds without a response, after the last byte has left, after which a request to S3 is retried. */
  responseTimeout: number;
  /** When a service counts as out of order, and how long uploads wait for it. */
  outage: BreakerRule;
  /** How a part or a whole file is retried while others succeed. */
  partRetry: RetryRule;
  /** How an upload of no further use is aborted, while a person waits for the error message. */
  abortRetry: RetryRule;
  /** How often an upload is completed, at most, when S3 turns out to lack parts. */
  completeTries: number;
  /** How many uploads are created for one file, at most, each because the one before was gone. */
  createTries: number;
  /** How often the state of an upload is read while S3 assembles the object. */
  assemblyPolling: Backoff;
  /** Milliseconds after which complete is called again where S3 is still assembling the object. */
  assemblyPatience: number;
};

export const defaultSettings: Settings = {
  connectionsPerHost: 6,
  // With fewer, the connections that follow find a long line full and starve there (bench/line.py).
  connectionsAtFirst: 5,
  // Less than a part. Many small files at once spend more time waiting for responses than using the line.
  minBytesForRate: 4 * 1024 * 1024,
  origins: [],
  filesAtOnce: 6,
  putMaxSize: 16 * 1024 * 1024,
  // A line of 512 KiB/s sends these bytes in 13 minutes, before any sheet expires.
  lookahead: { files: 200, bytes: 384 * 1024 * 1024 },
  limitPatience: 15 * 60_000,
  pauseGrace: 15_000,
  // S3 closes a connection after about 20 seconds of silence: https://github.com/boto/boto/issues/1399. The page
  // notices first.
  stallTimeout: 15_000,
  // The last bytes may still be in the computer's own buffers, and S3 responds after it has stored the part.
  responseTimeout: 60_000,
  // 12 hours: an upload survives an unattended night. One attempt every 30 seconds costs next to nothing.
  outage: { failures: 3, probes: { base: 500, cap: 30_000 }, patience: 12 * 3_600_000, firstTimeout: 10_000 },
  partRetry: { tries: 6, base: 500, cap: 10_000 },
  abortRetry: { tries: 5, base: 300, cap: 5_000 },
  completeTries: 3,
  createTries: 3,
  assemblyPolling: { base: 1_000, cap: 15_000 },
  assemblyPatience: 10 * 60_000,
};

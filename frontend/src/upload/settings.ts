// The engine's settings and the tools it is given. Everything it touches the world with comes in here.
import type { Api } from "./api/api";
import type { CreatedUpload, Upload } from "./api/contract";
import type { Connectivity } from "./browser/connectivity";
import type { Hasher } from "./browser/hasher";
import type { Connect } from "./browser/preconnect";
import type { Locks } from "./browser/tab-locks";
import type { Clock } from "./clock";
import type { LookaheadRule } from "./concurrency/lookahead";
import type { Transport } from "./ports";
import type { Journal } from "./resume/fingerprint";
import type { BreakerRule } from "./retry/circuit-breaker";
import type { Backoff, RetryRule } from "./retry/retry";

export type Settings = {
  /** Part PUTs in flight to one host name. A browser opens six HTTP/1.1 connections to each. */
  connectionsPerHost: number;
  /** So many of them begin; the others follow while throughput grows. */
  connectionsAtFirst: number;
  /** Fewer bytes than these, under way together, tell nothing about the line's rate. */
  tellingBytes: number;
  /** The origins S3 is reached at, where they are known before an upload is created. */
  origins: readonly string[];
  /** Files that are sent in parts, under way at once; the others wait. */
  filesAtOnce: number;
  /** Files up to this many bytes are hashed before they are created and sent whole, so that S3 checks them. */
  putMaxSize: number;
  /** How many of these are hashed and created ahead. */
  lookahead: LookaheadRule;
  /** While the owner has too many uploads, files wait until nothing has gone on for so long (milliseconds). */
  roomPatience: number;
  /** What is under way in a pause, a whole file or a part that is mostly sent, has so long (milliseconds) to arrive. */
  pauseTime: number;
  /** A part PUT of which no byte leaves the page for so long (milliseconds) is tried again. */
  stallTimeout: number;
  /** A part PUT that has left the page and is not answered for so long (milliseconds) is tried again. */
  answerTimeout: number;
  /** When S3, or the API, is taken for out of order, and how long that is waited for. */
  outage: BreakerRule;
  /** How a part PUT is tried again while others succeed. */
  partRetry: RetryRule;
  /** How an upload is aborted that is of no use any more, while a person waits for the reason. */
  abortRetry: RetryRule;
  /** How often parts that S3 turns out not to hold are sent again before giving up. */
  completeTries: number;
  /** So many uploads are created for one file, each because the one before it was gone. */
  creations: number;
  /** How often an upload is looked at while S3 puts it together. */
  watch: Backoff;
  /** After so long (milliseconds) S3 is asked again. */
  completeSilence: number;
};

export const defaultSettings: Settings = {
  connectionsPerHost: 6,
  connectionsAtFirst: 5, // with fewer, those that follow find a long line full and starve there (bench/line.py)
  tellingBytes: 4 * 1024 * 1024, // less than a part: many small files at once wait for answers more than for the line
  origins: [],
  filesAtOnce: 6,
  putMaxSize: 16 * 1024 * 1024,
  // A line of 512 KiB/s sends so many bytes in 13 minutes, before any sheet expires.
  lookahead: { files: 200, bytes: 384 * 1024 * 1024 },
  roomPatience: 15 * 60_000,
  pauseTime: 15_000,
  // S3 closes a connection after about 20 seconds of silence: https://github.com/boto/boto/issues/1399. The page notices first.
  stallTimeout: 15_000,
  // The last bytes may still be in the computer's own buffers, and S3 answers after it has stored the part.
  answerTimeout: 60_000,
  // An unattended night passes. One attempt each half minute costs nobody anything.
  outage: { failures: 3, probes: { base: 500, cap: 30_000 }, patience: 12 * 3_600_000, first: 10_000 },
  partRetry: { tries: 6, base: 500, cap: 10_000 },
  abortRetry: { tries: 5, base: 300, cap: 5_000 },
  completeTries: 3,
  creations: 3,
  watch: { base: 1_000, cap: 15_000 },
  completeSilence: 10 * 60_000,
};

/** What a person picked. */
export type SourceFile = {
  name: string;
  type: string;
  data: Blob;
  /** Bytes, where they are known: browsers ask the disk whenever the size of a file is read. */
  size?: number;
  /** Milliseconds since 1970, as the file system has it. */
  lastModified?: number;
  /** The folders it was in and its name, where a person added a folder. */
  path?: string;
  /** Tells a way back to the file on another day, where the browser gives one. */
  handle?: () => FileSystemFileHandle | undefined;
  /** Makes the create one upload over pages. Only of files that are sent whole. */
  key?: string;
};

/** Told about uploads as the API answers, so that a list can show them at once. */
export type Listener = {
  created?(upload: CreatedUpload, file: SourceFile): void;
  completed?(upload: Upload): void;
  removed?(id: string): void;
  /** S3 or the API no longer had what was sent of the file: it is sent again from the beginning. */
  restarted?(file: SourceFile): void;
  /** A drop is resumed, and so many of the files that were added for it had arrived before: they are not sent again. */
  skipped?(count: number): void;
};

export type Tools = {
  api: Api;
  transport: Transport;
  hasher: Hasher;
  clock: Clock;
  connectivity: Connectivity;
  /** Where unfinished uploads are remembered. */
  journal: Journal;
  locks: Locks;
  /** Where S3 is far away. */
  connect?: Connect;
  settings?: Partial<Settings>;
  listener?: Listener;
};

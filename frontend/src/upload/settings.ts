// The engine's settings and the tools it is given. Everything it touches the world with comes in here.
import type { Api } from "./api";
import type { Clock } from "./clock";
import type { CreatedUpload, Upload } from "./contract";
import type { Hasher } from "./hasher";
import type { RetryRule } from "./retry";
import type { Transport } from "./transport";

export type Settings = {
  /** Part PUTs in flight to one host name. A browser opens six HTTP/1.1 connections to each. */
  connectionsPerHost: number;
  /** Files under way at once; the others wait. */
  filesAtOnce: number;
  /** Files up to this many bytes are hashed before they are created, so that S3 checks their one PUT. */
  putMaxSize: number;
  /** How a part PUT is tried again. */
  partRetry: RetryRule;
  /** How often parts that S3 turns out not to hold are sent again before giving up. */
  completeTries: number;
};

export const defaultSettings: Settings = {
  connectionsPerHost: 6,
  filesAtOnce: 6,
  putMaxSize: 16 * 1024 * 1024,
  partRetry: { tries: 6, base: 500, cap: 10_000 },
  completeTries: 3,
};

/** What a person picked. */
export type SourceFile = { name: string; type: string; data: Blob };

/** Told about uploads as the API answers, so that a list can show them at once. */
export type Listener = {
  created?(upload: CreatedUpload, file: SourceFile): void;
  completed?(upload: Upload): void;
  removed?(id: string): void;
};

export type Tools = {
  api: Api;
  transport: Transport;
  hasher: Hasher;
  clock: Clock;
  settings?: Partial<Settings>;
  listener?: Listener;
};

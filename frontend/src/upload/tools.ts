// The tools that the engine is given: everything that it uses of the world outside comes in here.
// Types only: this module must not contain code.
import type { Api } from "./api/api";
import type { Clock } from "./clock";
import type { Connectivity, Hasher, Journal, Listener, Locks, Preconnect, Transport } from "./ports";
import type { Settings } from "./settings";

export type Tools = {
  api: Api;
  transport: Transport;
  hasher: Hasher;
  clock: Clock;
  connectivity: Connectivity;
  journal: Journal;
  locks: Locks;
  /** Absent where S3 is so near that connections need not be opened early. */
  preconnect?: Preconnect;
  /** Replace the defaults of settings.ts. */
  settings?: Partial<Settings>;
  listener?: Listener;
};

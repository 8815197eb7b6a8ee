// The engine: takes files, gives uploads. All files share its connections and places.
// Knows neither DOM nor Uppy; everything it touches comes in as Tools, so that tests need no browser.
import type { Api } from "./api";
import { Breaker, type Outage } from "./breaker";
import { ApiError, isTransient } from "./errors";
import { FileUpload } from "./file-upload";
import type { JournalEntry } from "./journal";
import { lockName } from "./remembered";
import { retry } from "./retry";
import { defaultSettings, type Settings, type SourceFile, type Tools } from "./settings";
import { HostPool, Slots } from "./slots";
import { withStallTimeout } from "./stall";

/** What an earlier page left, and about how many bytes of it are in S3. */
export type Unfinished = JournalEntry & { sent: number };

/** A service that does not answer, or tells everybody to wait. */
export type Waiting = Outage & { service: "api" | "s3" };

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Slots;
  readonly #s3Breaker: Breaker;
  readonly #apiBreaker: Breaker;
  readonly #completeBreaker: Breaker;
  readonly #watchers = new Set<(waiting: Waiting[]) => void>();
  readonly #claims = new Set<string>();
  #connected = false;

  constructor(tools: Tools) {
    const settings = { ...defaultSettings, ...tools.settings };
    const transport = withStallTimeout(tools.transport, tools.clock, settings);
    this.#tools = { ...tools, transport, api: tools.api.once() };
    this.#settings = settings;
    const { connectionsAtFirst: first, connectionsPerHost: most } = settings;
    this.#pool = new HostPool({ first, most, clock: tools.clock });
    const newBreaker = () =>
      new Breaker(settings.outage, tools.clock, tools.connectivity, () => this.#tellWatchers());
    this.#s3Breaker = newBreaker();
    this.#apiBreaker = newBreaker();
    this.#completeBreaker = newBreaker();
    this.#files = new Slots(this.#settings.filesAtOnce);
  }

  /** Changes settings for files that are yet to come. */
  adjust(settings: Partial<Pick<Settings, "putMaxSize" | "origins">>): void {
    Object.assign(this.#settings, settings);
  }

  /** What earlier pages left unfinished, newest first. The same file, picked again, goes on by itself. */
  async unfinished(): Promise<Unfinished[]> {
    const entries = await this.#tools.journal.all().catch(() => []);
    const looked = await Promise.all(entries.map((entry) => this.#look(entry)));
    return looked.flat().sort((a, b) => b.began - a.began);
  }

  /** What a tab is sending is left out; what the API has closed meanwhile is forgotten. */
  async #look(entry: JournalEntry): Promise<Unfinished[]> {
    const { api, journal, locks } = this.#tools;
    if (this.#claims.has(entry.fingerprint)) return [];
    if (await locks.isHeld(lockName(entry.fingerprint))) return [];
    if (await isClosed(api, entry.id)) {
      await journal.remove(entry.id).catch(() => undefined);
      return [];
    }
    const parts = await journal.checksums(entry.id).catch(() => new Map());
    return [{ ...entry, sent: Math.min(entry.size, parts.size * entry.part_size) }];
  }

  /** Gives up what an earlier page left unfinished, here and in S3. */
  async giveUp({ id }: JournalEntry): Promise<void> {
    const { api, clock, journal } = this.#tools;
    await retry(() => api.remove(id), { rule: this.#settings.abortRetry, clock, isRetryable: isTransient });
    await journal.remove(id);
  }

  /** The services that uploads wait for now: at most one entry for each. */
  get waiting(): Waiting[] {
    const api = this.#apiBreaker.outage ?? this.#completeBreaker.outage;
    const s3 = this.#s3Breaker.outage;
    return [
      ...(api ? [{ service: "api" as const, ...api }] : []),
      ...(s3 ? [{ service: "s3" as const, ...s3 }] : []),
    ];
  }

  /** Calls `onChange` whenever uploads begin or cease to wait for a service; returns a function that ends this. */
  watch(onChange: (waiting: Waiting[]) => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  #tellWatchers(): void {
    for (const onChange of this.#watchers) onChange(this.waiting);
  }

  /** An upload of this file, not yet running. `onProgress` hears the bytes of the file that are in S3. */
  upload(file: SourceFile, onProgress: (sent: number) => void = () => undefined): FileUpload {
    return new FileUpload({
      ...this.#tools,
      settings: this.#settings,
      file,
      pool: this.#pool,
      files: this.#files,
      s3Breaker: this.#s3Breaker,
      apiBreaker: this.#apiBreaker,
      completeBreaker: this.#completeBreaker,
      claims: this.#claims,
      connect: () => this.#connect(file.data.size),
      onProgress,
    });
  }

  /** Opens the connections that the first file takes; those that come after find them open. */
  #connect(size: number): void {
    if (this.#connected) return;
    this.#connected = true;
    const { origins, connectionsPerHost, putMaxSize } = this.#settings;
    const [hosts, count] = size <= putMaxSize ? [origins.slice(0, 1), 1] : [origins, connectionsPerHost];
    for (const origin of hosts) this.#tools.connect?.(origin, count);
  }
}

/** Without an answer an upload counts as open: sending it will tell. */
async function isClosed(api: Api, id: string): Promise<boolean> {
  try {
    return (await api.get(id)).state !== "uploading";
  } catch (error) {
    return error instanceof ApiError && error.status === 404;
  }
}

// The engine: takes files, gives uploads. All files share its connections and places.
// Knows neither DOM nor Uppy; everything it touches comes in as Tools, so that tests need no browser.
import type { Api } from "./api";
import { Breaker } from "./breaker";
import { ApiError } from "./errors";
import { FileUpload } from "./file-upload";
import type { JournalEntry } from "./journal";
import { lockName } from "./remembered";
import { defaultSettings, type Settings, type SourceFile, type Tools } from "./settings";
import { HostPool, Slots } from "./slots";
import { watched } from "./stall";

/** What an earlier page left, and about how many bytes of it are in S3. */
export type Unfinished = JournalEntry & { sent: number };

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Slots;
  readonly #s3: Breaker;
  readonly #answering: Breaker;
  readonly #claims = new Set<string>();
  #connected = false;

  constructor(tools: Tools) {
    const settings = { ...defaultSettings, ...tools.settings };
    this.#tools = { ...tools, transport: watched(tools.transport, tools.clock, settings.stallTimeout) };
    this.#settings = settings;
    const { connectionsAtFirst: first, connectionsPerHost: most } = settings;
    this.#pool = new HostPool({ first, most, clock: tools.clock });
    this.#s3 = new Breaker(settings.outage, tools.clock, tools.connectivity);
    this.#answering = new Breaker(settings.outage, tools.clock, tools.connectivity);
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
    await this.#tools.api.remove(id);
    await this.#tools.journal.remove(id);
  }

  /** An upload of this file, not yet running. `onProgress` hears the bytes of the file that are in S3. */
  upload(file: SourceFile, onProgress: (sent: number) => void = () => undefined): FileUpload {
    return new FileUpload({
      ...this.#tools,
      settings: this.#settings,
      file,
      pool: this.#pool,
      files: this.#files,
      s3: this.#s3,
      answering: this.#answering,
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

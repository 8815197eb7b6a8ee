// The engine: takes files, gives uploads. All files share its connections and places.
// Knows neither DOM nor Uppy; everything it touches comes in as Tools, so that tests need no browser.
import { Breaker } from "./breaker";
import { FileUpload } from "./file-upload";
import type { JournalEntry } from "./journal";
import { defaultSettings, type Settings, type SourceFile, type Tools } from "./settings";
import { HostPool, Slots } from "./slots";
import { watched } from "./stall";

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Slots;
  readonly #s3: Breaker;
  readonly #answering: Breaker;
  readonly #claims = new Set<string>();

  constructor(tools: Tools) {
    const settings = { ...defaultSettings, ...tools.settings };
    this.#tools = { ...tools, transport: watched(tools.transport, tools.clock, settings.stallTimeout) };
    this.#settings = settings;
    this.#pool = new HostPool(settings.connectionsPerHost, tools.clock);
    this.#s3 = new Breaker(settings.outage, tools.clock, tools.connectivity);
    this.#answering = new Breaker(settings.outage, tools.clock, tools.connectivity);
    this.#files = new Slots(this.#settings.filesAtOnce);
  }

  /** Changes settings for files that are yet to come. */
  adjust(settings: Pick<Partial<Settings>, "putMaxSize">): void {
    Object.assign(this.#settings, settings);
  }

  /** What earlier pages left unfinished, newest first. The same file, picked again, goes on by itself. */
  async unfinished(): Promise<JournalEntry[]> {
    const entries = await this.#tools.journal.all().catch(() => []);
    const waiting = entries.filter(({ fingerprint }) => !this.#claims.has(fingerprint));
    return waiting.sort((a, b) => b.began - a.began);
  }

  /** Gives up what an earlier page left unfinished, here and in S3. */
  async giveUp(entry: JournalEntry): Promise<void> {
    await this.#tools.api.remove(entry.id);
    await this.#tools.journal.remove(entry.id);
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
      onProgress,
    });
  }
}

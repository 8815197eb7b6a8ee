// The engine: takes files, gives uploads. All files share its connections and places.
// Knows neither DOM nor Uppy; everything it touches comes in as Tools, so that tests need no browser.

import type { CreatedUpload } from "./api/contract";
import { Creates } from "./api/create-batches";
import { HostPool } from "./concurrency/host-pool";
import { Lookahead } from "./concurrency/lookahead";
import { Slots } from "./concurrency/semaphore";
import { FileUpload } from "./file-upload";
import { MemberUpload, type RunningUpload } from "./member-upload";
import type { Chosen, Member } from "./resume/drop";
import { Drops } from "./resume/drops";
import type { JournalEntry } from "./resume/fingerprint";
import { Left, type Unfinished, type UnfinishedDrop } from "./resume/unfinished";
import { Breaker, type Outage } from "./retry/circuit-breaker";
import { readingTwice } from "./retry/read-failures";
import { withStallTimeout } from "./retry/stall-timeout";
import { defaultSettings, type Listener, type Settings, type SourceFile, type Tools } from "./settings";
import { SmallUpload } from "./small-upload";
import { UploadBySize } from "./upload-by-size";
import { Posting } from "./whole/form-support";

/** A service that does not answer, or tells everybody to wait. */
export type Waiting = Outage & {
  service: "api" | "s3";
  /** S3 is there, but the line breaks before a part of so many bytes is through. */
  breaksBefore?: number | undefined;
};

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Slots;
  readonly #lookahead: Lookahead;
  readonly #creates: Creates;
  readonly #posting = new Posting();
  readonly #s3Breaker: Breaker;
  readonly #apiBreaker: Breaker;
  readonly #completeBreaker: Breaker;
  readonly #watchers = new Set<(waiting: Waiting[]) => void>();
  readonly #claims = new Set<string>();
  readonly #drops: Drops;
  readonly #left: Left;
  #connected = false;

  constructor(tools: Tools) {
    const settings = { ...defaultSettings, ...tools.settings };
    const { clock } = tools;
    const limits = { ...settings, firstTimeout: settings.outage.first };
    const transport = withStallTimeout(tools.transport, clock, limits);
    const hasher = readingTwice(tools.hasher, clock);
    const api = tools.api.once();
    const [drops, claims] = [new Drops(tools), this.#claims];
    this.#drops = drops;
    this.#tools = { ...tools, transport, hasher, api, listener: this.#listener(tools.listener ?? {}) };
    this.#left = new Left({ ...tools, api, drops, claims, removal: settings.abortRetry });
    this.#settings = settings;
    const { connectionsAtFirst: first, connectionsPerHost: most, tellingBytes: telling } = settings;
    this.#pool = new HostPool({ first, most, telling, clock });
    const newBreaker = (wasReached?: () => boolean) =>
      new Breaker(settings.outage, clock, tools.connectivity, () => this.#tellWatchers(), wasReached);
    this.#s3Breaker = newBreaker();
    this.#apiBreaker = newBreaker(() => tools.api.wasReached);
    this.#completeBreaker = newBreaker(() => tools.api.wasReached);
    this.#files = new Slots(settings.filesAtOnce);
    this.#lookahead = new Lookahead(settings.lookahead);
    this.#creates = new Creates({ api, apiBreaker: this.#apiBreaker, clock, settings });
  }

  /** Changes settings for files that are yet to come. */
  adjust(settings: Partial<Pick<Settings, "putMaxSize" | "origins">>): void {
    Object.assign(this.#settings, settings);
  }

  /** What earlier pages left unfinished, newest first. The same files, added again, go on by themselves. */
  unfinished(): Promise<Unfinished> {
    return this.#left.list();
  }

  /** Gives up what an earlier page left of a file, here and in S3. */
  giveUp(entry: JournalEntry): Promise<void> {
    return this.#left.discard(entry);
  }

  /** Gives up what is missing of a drop, here and in S3. */
  async giveUpDrop(drop: UnfinishedDrop): Promise<void> {
    for (const id of await this.#left.discardDrop(drop)) this.#tools.listener?.removed?.(id);
  }

  /**
   * Claims an unfinished drop for files that a person chose again, and says which of them are worth adding. Undefined
   * when another tab has it.
   */
  resumeDrop(drop: UnfinishedDrop, files: readonly Member[]): Promise<Chosen | undefined> {
    return this.#left.resume(drop, files);
  }

  /**
   * Records files that a person added together, so that the next page can say which are missing. Resolves with those
   * that need not be uploaded, because they arrived before.
   */
  async drop(files: readonly SourceFile[]): Promise<ReadonlySet<SourceFile>> {
    const arrived = await this.#drops.add(files);
    if (arrived.size > 0) this.#tools.listener?.skipped?.(arrived.size);
    return arrived;
  }

  /** Writes down at once what is known of drops: the page goes away. */
  flush(): Promise<void> {
    return this.#drops.flush();
  }

  /** The services that uploads wait for now: at most one entry for each. */
  get waiting(): Waiting[] {
    const api = this.#apiBreaker.outage ?? this.#completeBreaker.outage;
    const s3 = this.#s3Breaker.outage;
    return [
      ...(api ? [{ service: "api" as const, ...api }] : []),
      ...(s3 ? [{ service: "s3" as const, ...s3, breaksBefore: this.#pool.breaksBefore }] : []),
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
  upload(file: SourceFile, onProgress: (sent: number) => void = () => undefined): RunningUpload {
    const upload = new UploadBySize(() => this.#newUpload(file, onProgress));
    return this.#drops.isRecorded(file) ? new MemberUpload(upload, file, this.#drops) : upload;
  }

  #newUpload(file: SourceFile, onProgress: (sent: number) => void): FileUpload | SmallUpload {
    const size = file.size ?? file.data.size;
    const shared = {
      ...this.#tools,
      settings: this.#settings,
      file,
      pool: this.#pool,
      s3Breaker: this.#s3Breaker,
      apiBreaker: this.#apiBreaker,
      connect: () => this.#connect(size),
      onProgress,
    };
    if (size <= this.#settings.putMaxSize) {
      const [lookahead, creates, posting] = [this.#lookahead, this.#creates, this.#posting];
      return new SmallUpload({ ...shared, size, lookahead, creates, posting });
    }
    const [files, completeBreaker, claims] = [this.#files, this.#completeBreaker, this.#claims];
    return new FileUpload({ ...shared, files, completeBreaker, claims });
  }

  /** A drop remembers which of its files are created. */
  #listener(listener: Listener): Listener {
    const created = (upload: CreatedUpload, file: SourceFile) => {
      this.#drops.created(file, upload.id);
      listener.created?.(upload, file);
    };
    return { ...listener, created };
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

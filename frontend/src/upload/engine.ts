// The engine: makes uploads of files. All files share its connections, limits and circuit breakers.
// Knows neither DOM nor Uppy: everything outside comes in as Tools, so that tests need no browser.

import type { CreatedUpload } from "./api/contract";
import { CreateBatches } from "./api/create-batches";
import { HostPool } from "./concurrency/host-pool";
import { Lookahead } from "./concurrency/lookahead";
import { Semaphore } from "./concurrency/semaphore";
import { FileUpload } from "./file-upload";
import { MemberUpload, type RunningUpload } from "./member-upload";
import type { JournalEntry, Listener, Member, SourceFile } from "./ports";
import type { Chosen } from "./resume/drop";
import { Drops } from "./resume/drops";
import { type Unfinished, type UnfinishedDrop, UnfinishedUploads } from "./resume/unfinished";
import { CircuitBreaker, type Outage } from "./retry/circuit-breaker";
import { withSecondRead } from "./retry/read-failures";
import { withStallTimeout } from "./retry/stall-timeout";
import { defaultSettings, type Settings } from "./settings";
import { SmallUpload } from "./small-upload";
import type { Tools } from "./tools";
import { UploadBySize } from "./upload-by-size";
import { FormSupport } from "./whole/form-support";

/** The outage of a service that uploads wait for: it does not respond, or throttles all callers. */
export type Waiting = Outage & {
  service: "api" | "s3";
  /** S3 is reachable, but every connection breaks before it has sent a part of this many bytes. */
  breaksBefore?: number | undefined;
};

export class Engine {
  readonly #tools: Tools;
  readonly #settings: Settings;
  readonly #pool: HostPool;
  readonly #files: Semaphore;
  readonly #lookahead: Lookahead;
  readonly #creates: CreateBatches;
  readonly #forms = new FormSupport();
  readonly #s3Breaker: CircuitBreaker;
  readonly #apiBreaker: CircuitBreaker;
  readonly #completeBreaker: CircuitBreaker;
  readonly #watchers = new Set<(waiting: Waiting[]) => void>();
  /** The fingerprints of the files that this tab is sending. */
  readonly #claims = new Set<string>();
  readonly #drops: Drops;
  readonly #unfinished: UnfinishedUploads;
  #isConnected = false;

  constructor(tools: Tools) {
    const settings = { ...defaultSettings, ...tools.settings };
    const { clock, connectivity } = tools;
    const limits = { ...settings, firstTimeout: settings.outage.firstTimeout };
    const transport = withStallTimeout(tools.transport, clock, limits);
    const hasher = withSecondRead(tools.hasher, clock);
    const api = tools.api.once();
    const [drops, claims] = [new Drops(tools), this.#claims];
    this.#drops = drops;
    this.#tools = { ...tools, transport, hasher, api, listener: this.#listener(tools.listener ?? {}) };
    this.#unfinished = new UnfinishedUploads({ ...tools, api, drops, claims, removal: settings.abortRetry });
    this.#settings = settings;
    const { connectionsAtFirst: first, connectionsPerHost: most, minBytesForRate } = settings;
    this.#pool = new HostPool({ first, most, minBytesForRate, clock });
    const shared = { rule: settings.outage, clock, connectivity, onChange: () => this.#notifyWatchers() };
    const apiOptions = { ...shared, wasReached: () => tools.api.wasReached };
    this.#s3Breaker = new CircuitBreaker(shared);
    this.#apiBreaker = new CircuitBreaker(apiOptions);
    this.#completeBreaker = new CircuitBreaker(apiOptions);
    this.#files = new Semaphore(settings.filesAtOnce);
    this.#lookahead = new Lookahead(settings.lookahead);
    this.#creates = new CreateBatches({ api, apiBreaker: this.#apiBreaker, clock, settings });
  }

  /** Changes settings for uploads that are not made yet. */
  adjust(settings: Partial<Pick<Settings, "putMaxSize" | "origins">>): void {
    Object.assign(this.#settings, settings);
  }

  /** Resolves with the unfinished uploads of earlier pages, newest first. Adding the same files resumes them. */
  unfinished(): Promise<Unfinished> {
    return this.#unfinished.list();
  }

  /** Discards the unfinished upload of an earlier page, in the journal and in S3. */
  discard(entry: JournalEntry): Promise<void> {
    return this.#unfinished.discard(entry);
  }

  /** Discards the missing files of a drop, in the journal and in S3. */
  async discardDrop(drop: UnfinishedDrop): Promise<void> {
    for (const id of await this.#unfinished.discardDrop(drop)) this.#tools.listener?.removed?.(id);
  }

  /**
   * Claims an unfinished drop for files that a person picked again, and reports which of them should be added. Undefined
   * when another tab has it.
   */
  resumeDrop(drop: UnfinishedDrop, files: readonly Member[]): Promise<Chosen | undefined> {
    return this.#unfinished.resume(drop, files);
  }

  /**
   * Records files that a person added together, so that a later page can list the missing ones. Resolves with the files
   * that need not be uploaded, because they arrived before.
   */
  async drop(files: readonly SourceFile[]): Promise<ReadonlySet<SourceFile>> {
    const arrived = await this.#drops.add(files);
    if (arrived.size > 0) this.#tools.listener?.skipped?.(arrived.size);
    return arrived;
  }

  /** Writes all changes to drops now, before the page closes. */
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

  /** Calls `onChange` when uploads start or stop waiting for a service. Returns a function that ends the calls. */
  watch(onChange: (waiting: Waiting[]) => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  #notifyWatchers(): void {
    for (const onChange of this.#watchers) onChange(this.waiting);
  }

  /** Makes an upload of the file; `run` starts it. `onProgress` receives the bytes that have left or are in S3. */
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
      const [lookahead, creates, forms] = [this.#lookahead, this.#creates, this.#forms];
      return new SmallUpload({ ...shared, size, lookahead, creates, forms });
    }
    const [files, completeBreaker, claims] = [this.#files, this.#completeBreaker, this.#claims];
    return new FileUpload({ ...shared, files, completeBreaker, claims });
  }

  /** Records the ids of created uploads in their drops, and passes them on. */
  #listener(listener: Listener): Listener {
    const created = (upload: CreatedUpload, file: SourceFile) => {
      this.#drops.created(file, upload.id);
      listener.created?.(upload, file);
    };
    return { ...listener, created };
  }

  /** Opens the connections that the first file needs. Later files use them too. */
  #connect(size: number): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    const { origins, connectionsPerHost, putMaxSize } = this.#settings;
    const [hosts, count] = size <= putMaxSize ? [origins.slice(0, 1), 1] : [origins, connectionsPerHost];
    for (const origin of hosts) this.#tools.preconnect?.(origin, count);
  }
}

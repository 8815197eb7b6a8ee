// One file from the person's disk to S3 in parts: create, send the parts, complete; paused, resumed, retried and
// cancelled on the way. S3 is the truth about what it holds: whoever comes back asks it first.
// Must not know about Uppy, the page, or other files (the pool and the places it is given are shared).

import { ask, removeQuickly, removeUpload } from "./api/calls";
import type { CreateRequest, PartsUpload, Upload } from "./api/contract";
import { newKey } from "./api/idempotency-key";
import { Checksums } from "./checksums/part-checksums";
import type { HostPool } from "./concurrency/host-pool";
import { Pause } from "./concurrency/pause";
import type { Slots } from "./concurrency/semaphore";
import {
  ApiError,
  Cancelled,
  goneAsUndefined,
  isGone,
  Misjudged,
  PartError,
  Paused,
  ReadError,
} from "./errors";
import { type Answer, askAhead, type Completing, completed } from "./parts/completion";
import { allParts, missingParts } from "./parts/part-ranges";
import { PartSender } from "./parts/part-sender";
import type { SheetSource } from "./parts/sheet";
import { Remembered } from "./resume/resume-record";
import type { Breaker } from "./retry/circuit-breaker";
import type { Settings, SourceFile, Tools } from "./settings";

export type FileUploadOptions = Omit<Tools, "connect"> & {
  settings: Settings;
  file: SourceFile;
  pool: HostPool;
  files: Slots;
  s3Breaker: Breaker;
  apiBreaker: Breaker;
  completeBreaker: Breaker;
  /** The files this tab is sending. */
  claims: Set<string>;
  /** Told before the API is asked for anything, so that connections are open when there are parts to send. */
  connect: () => void;
  onProgress: (sent: number) => void;
};

export class FileUpload {
  readonly #options: FileUploadOptions;
  readonly #pause = new Pause();
  readonly #cancel = new AbortController();
  #stop = new AbortController();
  #running: Promise<Upload> | undefined;
  #created: PartsUpload | undefined;
  #sender: PartSender | undefined;
  #checksums: Checksums | undefined;
  readonly #remembered: Remembered;
  /** Whether any part was tried, and whether all have left, since the upload was created. */
  #begun = false;
  #sent = false;
  #onAllLeft: () => void = () => undefined;
  #finished = false;
  #beginnings = 0;
  /** Makes a repeated create one upload. */
  #key: string | undefined;

  constructor(options: FileUploadOptions) {
    this.#options = options;
    this.#remembered = new Remembered(options);
  }

  /** The upload's id, once it is created. */
  get id(): string | undefined {
    return this.#created?.id;
  }

  /** Uploads the file, or goes on where an earlier run failed. Rejects with Cancelled when cancelled. */
  run(): Promise<Upload> {
    this.#running ??= this.#run().finally(() => {
      this.#remembered.release();
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Stops sending, but for parts that are nearly through; what S3 has stays there. */
  pause(): void {
    this.#pause.on();
    if (this.#sender?.isSending) this.#sender.pause();
    else this.#stop.abort();
  }

  resume(): void {
    this.#pause.off();
  }

  /** Stops everything and aborts the upload in S3. Does nothing to a finished upload. */
  async cancel(): Promise<void> {
    if (this.#finished) return;
    this.#cancel.abort(new Cancelled());
    this.#stop.abort(new Cancelled());
    await this.#running?.catch(() => undefined);
    const id = this.#created?.id;
    if (id === undefined || this.#finished) return;
    this.#created = undefined;
    await this.#remembered.forget();
    await removeUpload(this.#options, id);
    this.#options.listener?.removed?.(id); // not sooner: it is there until the API has heard of it
  }

  async #run(): Promise<Upload> {
    const { files, listener } = this.#options;
    const signal = this.#cancel.signal;
    for (;;) {
      await this.#pause.passed(signal);
      const upload = await files.use(signal, () => this.#turn());
      signal.throwIfAborted();
      if (upload) {
        this.#finished = true;
        await this.#remembered.forget();
        listener?.completed?.(upload);
        return upload;
      }
    }
  }

  /** From where we are to the end. Undefined when paused, or when the upload is gone and must begin anew. */
  async #turn(): Promise<Upload | undefined> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#options.connect();
    const found = this.#created ? undefined : await this.#goOn();
    if (found) return found;
    const created = this.#created ?? (await this.#create());
    this.#cancel.signal.throwIfAborted();
    try {
      const ahead = await this.#sendMissing(created, signal);
      if (this.#pause.isOn) return undefined;
      return await this.#complete(created, ahead, signal);
    } catch (error) {
      this.#cancel.signal.throwIfAborted();
      if (signal.aborted || error instanceof Paused) return undefined; // paused, and perhaps resumed since
      return await this.#failed(error, created);
    }
  }

  /** Takes up what an earlier page left of the file. Resolves with the upload when it was finished meanwhile. */
  async #goOn(): Promise<Upload | undefined> {
    const { api, file, listener } = this.#options;
    const signal = this.#cancel.signal;
    const entry = await this.#remembered.claim(signal);
    if (!entry) return undefined;
    const upload = await this.#ask(() => api.get(entry.id), signal).catch(goneAsUndefined);
    if (upload?.state === "uploading") {
      const sheet = await this.#ask(() => api.sheet(entry.id, {}), signal);
      const { id, key, part_size, part_count, parts_expire_at } = entry;
      const created: PartsUpload = {
        ...{ id, key, part_size, part_count, sheet },
        ...{ state: upload.state, strategy: "multipart" },
      };
      if (parts_expire_at) created.parts_expire_at = parts_expire_at;
      this.#take(created);
      this.#begun = true;
      for (const [number, checksum] of await this.#remembered.checksums())
        this.#checksums?.know(number, checksum);
      listener?.created?.(created, file);
      return undefined;
    }
    await this.#remembered.forget();
    if (upload && upload.state !== "aborted") return upload;
    listener?.restarted?.(file);
    return undefined;
  }

  /** Begins anew where that helps; otherwise throws, and leaves nothing in S3 that is of no use. */
  async #failed(error: unknown, created: PartsUpload): Promise<undefined> {
    const { file, listener, settings } = this.#options;
    if (isGone(error) && ++this.#beginnings < settings.creations) {
      await this.#forget();
      listener?.removed?.(created.id);
      listener?.restarted?.(file);
      return undefined;
    }
    if (isGone(error) || isMismatch(error)) await this.#forget();
    if (error instanceof ReadError) {
      await this.#forget();
      listener?.removed?.(created.id);
      await removeQuickly(this.#options, created.id);
    }
    throw error;
  }

  async #create(): Promise<PartsUpload> {
    const { api, file, listener } = this.#options;
    const request: CreateRequest = { filename: file.name, size: file.data.size };
    if (file.type) request.content_type = file.type;
    this.#key ??= newKey();
    request.idempotency_key = this.#key;
    const created = await this.#ask(() => api.create(request), this.#cancel.signal);
    if (created.strategy !== "multipart") return this.#misjudged(created.id);
    this.#take(created);
    await this.#remembered.began(created);
    listener?.created?.(created, file);
    return created;
  }

  async #misjudged(id: string): Promise<never> {
    const { file, settings } = this.#options;
    settings.putMaxSize = Math.max(settings.putMaxSize, file.data.size);
    await removeQuickly(this.#options, id);
    throw new Misjudged("The API wants the file whole");
  }

  #take(created: PartsUpload): void {
    this.#created = created;
    this.#begun = false;
    this.#sent = false;
    this.#sender = this.#newSender(created);
  }

  #newSender(upload: PartsUpload): PartSender {
    const { api, file, hasher, transport, pool, s3Breaker, clock, settings } = this.#options;
    const sheets: SheetSource = (request, signal) =>
      this.#ask(() => api.sheet(upload.id, request, signal), signal);
    const checksums = new Checksums({ upload, data: file.data, hasher });
    this.#checksums = checksums;
    const onPart = (number: number, crc64nvme: string) => this.#remembered.arrived(number, crc64nvme);
    const onProgress = (sent: number) => this.#moved(sent, file.data.size);
    const shared = { checksums, transport, pool, breaker: s3Breaker, clock, settings, onProgress, onPart };
    return new PartSender({ upload, data: file.data, sheets, pause: this.#pause, ...shared });
  }

  /**
   * Resolves with what complete answered, where it was asked ahead: as soon as the last byte has left. Once the parts
   * are an object S3 forgets them, so that one whose answer was lost can only fail: then complete knows better.
   */
  async #sendMissing(created: PartsUpload, signal: AbortSignal): Promise<Answer | undefined> {
    signal.throwIfAborted();
    if (this.#sent) return undefined;
    const missing = await this.#missing(created, signal);
    this.#begun = true;
    let ahead: Promise<Answer | undefined> | undefined;
    this.#onAllLeft = () => {
      if (this.#pause.isOn) return;
      this.#sent = true;
      ahead ??= askAhead(this.#completing(created, signal)).catch(() => undefined);
    };
    this.#sender?.expect(missing);
    try {
      await this.#sender?.send(missing, signal);
      this.#sent = true;
    } catch (error) {
      signal.throwIfAborted();
      this.#sent = (await ahead) !== undefined;
      if (!this.#sent) throw error;
    }
    return ahead;
  }

  #moved(sent: number, size: number): void {
    this.#options.onProgress(sent);
    if (sent === size) this.#onAllLeft();
  }

  async #missing(created: PartsUpload, signal: AbortSignal): Promise<number[]> {
    if (!this.#begun) return allParts(created.part_count);
    const { api, file } = this.#options;
    const list = await this.#ask(() => api.listParts(created.id, signal), signal);
    return missingParts({ ...list, size: file.data.size }, list.parts);
  }

  /** Completes; parts that S3 turns out not to hold are sent again first. */
  async #complete(created: PartsUpload, ahead: Answer | undefined, signal: AbortSignal): Promise<Upload> {
    const { settings } = this.#options;
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return await completed(this.#completing(created, signal), tries === 1 ? ahead : undefined);
      } catch (error) {
        const missing = missingFrom(error);
        if (!missing || tries >= settings.completeTries) throw error;
        this.#sender?.expect(missing);
        await this.#sender?.send(missing, signal);
      }
    }
  }

  #completing({ id }: PartsUpload, signal: AbortSignal): Completing {
    const { api, clock, settings, apiBreaker, completeBreaker } = this.#options;
    const checksum = async () => (await this.#checksums?.whole(signal)) ?? "";
    return { id, checksum, api, clock, apiBreaker, completeBreaker, settings, signal };
  }

  /** Asks the API; an outage is waited for. */
  #ask<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return ask(this.#options, call, signal);
  }

  async #forget(): Promise<void> {
    await this.#remembered.forget();
    this.#created = undefined;
    this.#key = undefined;
  }
}

/** S3 holds, or received again and again, other bytes than were hashed: only a new beginning helps. */
function isMismatch(error: unknown): boolean {
  if (error instanceof PartError) return error.verdict === "damaged";
  return error instanceof ApiError && error.code === "checksum_mismatch";
}

function missingFrom(error: unknown): number[] | undefined {
  if (!(error instanceof ApiError) || error.code !== "parts_missing") return undefined;
  return error.problem.missing;
}

// One file from the person's disk to S3 whole: hash, create together with others, send. S3's event tells the API, so that
// nothing is completed. Paused, resumed, retried and cancelled on the way.
// Must not know about Uppy, the page, or other files (what they share is given).

import { ask, removeQuickly, removeUpload } from "./api/calls";
import type { CreateRequest, Upload, WholeUpload } from "./api/contract";
import type { Creates } from "./api/create-batches";
import { newKey } from "./api/idempotency-key";
import type { HostPool } from "./concurrency/host-pool";
import type { Lookahead } from "./concurrency/lookahead";
import { Pause } from "./concurrency/pause";
import { ApiError, Cancelled, goneAsUndefined, isGone, Misjudged, PartError, ReadError } from "./errors";
import type { SendRequest } from "./ports";
import type { Breaker } from "./retry/circuit-breaker";
import type { Settings, SourceFile, Tools } from "./settings";
import type { Posting } from "./whole/form-support";
import { WholeSender, type WholeSheet, type WholeSheetRequest } from "./whole/whole-sender";

export type SmallUploadOptions = Omit<Tools, "connect"> & {
  settings: Settings;
  file: SourceFile;
  /** The file's, in bytes. */
  size: number;
  pool: HostPool;
  lookahead: Lookahead;
  creates: Creates;
  posting: Posting;
  s3Breaker: Breaker;
  apiBreaker: Breaker;
  /** Told before the API is asked for anything, so that connections are open when there is something to send. */
  connect: () => void;
  onProgress: (sent: number) => void;
};

export class SmallUpload {
  readonly #options: SmallUploadOptions;
  readonly #pause = new Pause();
  readonly #cancel = new AbortController();
  /** Ends this turn: the file is paused or cancelled. */
  #stop = new AbortController();
  #running: Promise<Upload> | undefined;
  /** The file as it is when it is first read: a slice keeps its size, which a file asks the disk for each time. */
  #data: Blob | undefined;
  #checksum: string | undefined;
  #created: WholeUpload | undefined;
  #createdAt = "";
  #sender: WholeSender | undefined;
  #isSending = false;
  /** Of a file that was paused while it was sent: ends the wait for it. */
  #cancelAlarm: (() => void) | undefined;
  #isFinished = false;
  #beginnings = 0;
  #key: string;

  constructor(options: SmallUploadOptions) {
    this.#options = options;
    this.#key = options.file.key ?? newKey();
  }

  /** The upload's id, once it is created. */
  get id(): string | undefined {
    return this.#created?.id;
  }

  /** Uploads the file, or goes on where an earlier run failed. Rejects with Cancelled when cancelled. */
  run(): Promise<Upload> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** A file that is being sent is finished, if that does not take long; any other waits. */
  pause(): void {
    this.#pause.on();
    const { clock, settings } = this.#options;
    if (!this.#isSending) this.#stop.abort();
    else this.#cancelAlarm ??= clock.alarm(settings.pauseTime, () => this.#stop.abort());
  }

  resume(): void {
    this.#endAlarm();
    this.#pause.off();
  }

  /** Stops everything and removes the upload. Does nothing to a finished upload. */
  async cancel(): Promise<void> {
    if (this.#isFinished) return;
    this.#cancel.abort(new Cancelled());
    this.#stop.abort(new Cancelled());
    await this.#running?.catch(() => undefined);
    const id = this.id;
    if (id === undefined || this.#isFinished) return;
    this.#created = undefined;
    await removeUpload(this.#options, id);
    this.#options.listener?.removed?.(id); // not sooner: it is there until the API has heard of it
  }

  async #run(): Promise<Upload> {
    const { size, lookahead, listener } = this.#options;
    const { signal } = this.#cancel;
    for (;;) {
      await this.#pause.passed(signal);
      const upload = await lookahead.use(size, signal, () => this.#turn());
      signal.throwIfAborted();
      if (upload) {
        this.#isFinished = true;
        listener?.completed?.(upload);
        return upload;
      }
    }
  }

  /** From where we are to the end. Undefined when paused, or when the upload must begin anew. */
  async #turn(): Promise<Upload | undefined> {
    if (this.#pause.isOn) return undefined; // since it waited for its turn
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#options.connect();
    try {
      this.#created ??= await this.#create();
      signal.throwIfAborted();
      await this.#sender?.send(signal);
      return this.#sent(this.#created);
    } catch (error) {
      this.#cancel.signal.throwIfAborted();
      if (signal.aborted) return undefined; // paused, and perhaps resumed since
      return await this.#failed(error);
    }
  }

  /** A pause lets it go on: the file waits only with the next step. */
  async #create(): Promise<WholeUpload> {
    const { file, clock, creates, listener } = this.#options;
    this.#data ??= file.data.slice();
    const data = this.#data;
    const created = await creates.create(() => this.#request(data), this.#cancel.signal);
    if (created.strategy === "multipart") return this.#misjudged(created.id);
    this.#created = created; // if it is cancelled now, it is removed
    this.#createdAt = new Date(clock.now()).toISOString();
    this.#sender = this.#newSender(created, data);
    listener?.created?.(created, file);
    return created;
  }

  async #request(data: Blob): Promise<CreateRequest> {
    const { file, hasher, posting } = this.#options;
    this.#checksum ??= await hasher(data, this.#cancel.signal);
    const request: CreateRequest = {
      ...{ filename: file.name, size: data.size, crc64nvme: this.#checksum },
      ...{ idempotency_key: this.#key, strategy: posting.strategy },
    };
    if (file.type) request.content_type = file.type;
    return request;
  }

  async #misjudged(id: string): Promise<never> {
    const { size, settings } = this.#options;
    settings.putMaxSize = Math.min(settings.putMaxSize, size - 1);
    await removeQuickly(this.#options, id);
    throw new Misjudged("The API wants the file in parts");
  }

  #newSender(upload: WholeUpload, data: Blob): WholeSender {
    const { pool, posting, s3Breaker: breaker, clock, settings, onProgress } = this.#options;
    return new WholeSender({
      ...{ upload, data, pool, posting, breaker, clock, settings, onProgress },
      transport: (request) => this.#transfer(request),
      sheets: (request, signal) => this.#sheet(upload.id, request, signal),
    });
  }

  /** Once it has ended, a file that was paused meanwhile is not tried again. */
  async #transfer(request: SendRequest) {
    const stop = this.#stop;
    this.#isSending = true;
    try {
      return await this.#options.transport(request);
    } finally {
      this.#isSending = false;
      this.#endAlarm();
      if (this.#pause.isOn) stop.abort();
    }
  }

  #endAlarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
  }

  #sheet(id: string, request: WholeSheetRequest, signal: AbortSignal): Promise<WholeSheet> {
    const { api } = this.#options;
    const refused = request.refused ? { refused: true as const } : {};
    const call = () =>
      request.strategy === "post" ? api.postSheet(id, refused, signal) : api.sheet(id, refused, signal);
    return ask<WholeSheet>(this.#options, call, signal);
  }

  /** What is known once S3 has the file; the API says more when it has heard of it. */
  #sent({ id, key }: WholeUpload): Upload {
    const { file, size, creates } = this.#options;
    creates.moved();
    return {
      ...{ id, key, filename: file.name, size, content_type: file.type, state: "uploaded" },
      ...{ created_at: this.#createdAt, updated_at: "" },
    };
  }

  /** The upload, where it turns out to have arrived; undefined where it begins anew. Otherwise throws. */
  async #failed(error: unknown): Promise<Upload | undefined> {
    if (isWrongState(error)) {
      const upload = await this.#earlier(error);
      if (upload) return upload;
    } else if (!(error instanceof ApiError && (isGone(error) || isReused(error)))) {
      if (isOfNoUse(error)) await this.#drop();
      throw error;
    }
    if (++this.#beginnings >= this.#options.settings.creations) throw error;
    this.#beginAnew();
    return undefined;
  }

  /** An earlier create, or form, whose answer was lost did its work. Undefined when the upload was aborted since. */
  async #earlier(error: ApiError): Promise<Upload | undefined> {
    const { api } = this.#options;
    const id = error.problem.id ?? this.id;
    if (id === undefined) throw error;
    const upload = await ask(this.#options, () => api.get(id), this.#cancel.signal).catch(goneAsUndefined);
    if (upload?.state === "uploading") throw error;
    return upload?.state === "aborted" ? undefined : upload;
  }

  #beginAnew(): void {
    const { id } = this;
    this.#created = undefined;
    this.#key = newKey();
    if (id !== undefined) this.#options.listener?.removed?.(id);
  }

  /** The file is not what was created: a retry reads and creates it anew. */
  async #drop(): Promise<void> {
    const { id } = this;
    this.#data = undefined;
    this.#checksum = undefined;
    this.#beginAnew();
    if (id !== undefined) await removeQuickly(this.#options, id);
  }
}

function isWrongState(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === "wrong_state";
}

/** The key was another file's: the file has changed since. */
function isReused(error: ApiError): boolean {
  return error.code === "idempotency_key_reused";
}

/** S3 received other bytes than were hashed, again and again, or the file cannot be read. */
function isOfNoUse(error: unknown): boolean {
  return error instanceof ReadError || (error instanceof PartError && error.verdict === "damaged");
}

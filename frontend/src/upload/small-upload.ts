// Uploads one file from the person's disk to S3 whole: hashes it, creates the upload together with others, sends it. S3's
// event notifies the API, so the page does not complete it. The person may pause, resume, retry and cancel it.
// Must not know about Uppy, the page, or other files (it receives what files share).

import { callApi, removeQuickly, removeUpload } from "./api/calls";
import type { CreateRequest, Upload, WholeUpload } from "./api/contract";
import type { CreateBatches } from "./api/create-batches";
import { newKey } from "./api/idempotency-key";
import type { HostPool } from "./concurrency/host-pool";
import type { Lookahead } from "./concurrency/lookahead";
import { Pause } from "./concurrency/pause";
import { ApiError, Cancelled, goneAsUndefined, isGone, PartError, ReadError, WrongStrategy } from "./errors";
import type { SendRequest, SendResponse, SourceFile } from "./ports";
import type { CircuitBreaker } from "./retry/circuit-breaker";
import type { Settings } from "./settings";
import type { Tools } from "./tools";
import type { FormSupport } from "./whole/form-support";
import { WholeSender, type WholeSheet, type WholeSheetRequest } from "./whole/whole-sender";

export type SmallUploadOptions = Omit<Tools, "preconnect"> & {
  settings: Settings;
  file: SourceFile;
  /** The file's size in bytes. */
  size: number;
  pool: HostPool;
  lookahead: Lookahead;
  creates: CreateBatches;
  forms: FormSupport;
  s3Breaker: CircuitBreaker;
  apiBreaker: CircuitBreaker;
  /** Called before the first call of the API, so that connections to S3 are open when there is a file to send. */
  connect: () => void;
  onProgress: (sent: number) => void;
};

/** `sending`: a request to S3 is in flight. `completed`: S3 has the file. `waiting`: neither. */
type Position = "waiting" | "sending" | "completed";

export class SmallUpload {
  readonly #options: SmallUploadOptions;
  readonly #pause = new Pause();
  readonly #cancel = new AbortController();
  /** Ends this attempt: the upload is paused or cancelled. */
  #stop = new AbortController();
  #running: Promise<Upload> | undefined;
  #position: Position = "waiting";
  /** The file as it was when it was first read. Reading the size of a slice costs no disk access. */
  #data: Blob | undefined;
  #checksum: string | undefined;
  #created: WholeUpload | undefined;
  #createdAt = "";
  #sender: WholeSender | undefined;
  /** Cancels the alarm that ends a request which a pause lets finish. */
  #cancelAlarm: (() => void) | undefined;
  #creations = 0;
  #idempotencyKey: string;

  constructor(options: SmallUploadOptions) {
    this.#options = options;
    this.#idempotencyKey = options.file.key ?? newKey();
  }

  /** The upload's id, once it is created. */
  get id(): string | undefined {
    return this.#created?.id;
  }

  /** Uploads the file, or continues where an earlier run failed. Rejects with Cancelled when cancelled. */
  run(): Promise<Upload> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Lets a request in flight finish, for a limited time; otherwise the file waits at once. */
  pause(): void {
    this.#pause.on();
    const { clock, settings } = this.#options;
    if (this.#position !== "sending") this.#stop.abort();
    else this.#cancelAlarm ??= clock.alarm(settings.pauseGrace, () => this.#stop.abort());
  }

  resume(): void {
    this.#endAlarm();
    this.#pause.off();
  }

  /** Stops everything and removes the upload. Does nothing to a completed upload. */
  async cancel(): Promise<void> {
    if (this.#isCompleted) return;
    this.#cancel.abort(new Cancelled());
    this.#stop.abort(new Cancelled());
    await this.#running?.catch(() => undefined);
    const { id } = this;
    if (id === undefined || this.#isCompleted) return;
    this.#created = undefined;
    await removeUpload(this.#options, id);
    this.#options.listener?.removed?.(id); // not earlier: until now the API still lists it
  }

  get #isCompleted(): boolean {
    return this.#position === "completed";
  }

  async #run(): Promise<Upload> {
    const { size, lookahead, listener } = this.#options;
    const { signal } = this.#cancel;
    for (;;) {
      await this.#pause.passed(signal);
      const upload = await lookahead.use(size, signal, () => this.#attempt());
      signal.throwIfAborted();
      if (upload) {
        this.#position = "completed";
        listener?.completed?.(upload);
        return upload;
      }
    }
  }

  /** Continues to the end. Undefined when paused, or when the upload is gone and starts again. */
  async #attempt(): Promise<Upload | undefined> {
    if (this.#pause.isOn) return undefined; // paused while it waited for its turn
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#options.connect();
    try {
      this.#created ??= await this.#create();
      signal.throwIfAborted();
      await this.#sender?.send(signal);
      return this.#uploaded(this.#created);
    } catch (error) {
      this.#cancel.signal.throwIfAborted();
      if (signal.aborted) return undefined; // paused, and perhaps resumed since
      return await this.#handleFailure(error);
    }
  }

  /** A pause does not interrupt it: the file waits before the next step. */
  async #create(): Promise<WholeUpload> {
    const { file, clock, creates, listener } = this.#options;
    this.#data ??= file.data.slice();
    const data = this.#data;
    const created = await creates.create(() => this.#request(data), this.#cancel.signal);
    if (created.strategy === "multipart") return this.#leaveToFileUpload(created.id);
    this.#created = created; // set here, so that a cancel from now on removes it
    this.#createdAt = new Date(clock.now()).toISOString();
    this.#sender = this.#newSender(created, data);
    listener?.created?.(created, file);
    return created;
  }

  async #request(data: Blob): Promise<CreateRequest> {
    const { file, hasher, forms } = this.#options;
    this.#checksum ??= await hasher(data, this.#cancel.signal);
    const request: CreateRequest = {
      ...{ filename: file.name, size: data.size, crc64nvme: this.#checksum },
      ...{ idempotency_key: this.#idempotencyKey, strategy: forms.strategy },
    };
    if (file.type) request.content_type = file.type;
    return request;
  }

  async #leaveToFileUpload(id: string): Promise<never> {
    const { size, settings } = this.#options;
    settings.putMaxSize = Math.min(settings.putMaxSize, size - 1);
    await removeQuickly(this.#options, id);
    throw new WrongStrategy("The API wants the file in parts");
  }

  #newSender(upload: WholeUpload, data: Blob): WholeSender {
    const { pool, forms, s3Breaker: breaker, clock, settings, onProgress } = this.#options;
    return new WholeSender({
      ...{ upload, data, pool, forms, breaker, clock, settings, onProgress },
      transport: (request) => this.#send(request),
      sheets: (request, signal) => this.#sheet(upload.id, request, signal),
    });
  }

  /** Sends one request. If a pause started meanwhile, the upload stops after it, whether it succeeds or fails. */
  async #send(request: SendRequest): Promise<SendResponse> {
    const stop = this.#stop;
    this.#position = "sending";
    try {
      return await this.#options.transport(request);
    } finally {
      this.#position = "waiting";
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
    return callApi<WholeSheet>(this.#options, call, signal);
  }

  /** The upload as far as the page knows it when S3 has the file. The API has not received S3's event yet. */
  #uploaded({ id, key }: WholeUpload): Upload {
    const { file, size, creates } = this.#options;
    creates.progressed();
    return {
      ...{ id, key, filename: file.name, size, content_type: file.type, state: "uploaded" },
      ...{ created_at: this.#createdAt, updated_at: "" },
    };
  }

  /** Resolves with the upload if the file has arrived after all; with undefined if it starts again. Otherwise throws. */
  async #handleFailure(error: unknown): Promise<Upload | undefined> {
    if (isWrongState(error)) {
      const upload = await this.#findArrived(error);
      if (upload) return upload;
    } else if (!(error instanceof ApiError && (isGone(error) || isReused(error)))) {
      if (isUseless(error)) await this.#discard();
      throw error;
    }
    if (++this.#creations >= this.#options.settings.createTries) throw error;
    this.#startAgain();
    return undefined;
  }

  /** An earlier request succeeded, but its response was lost. Undefined when the upload has been aborted since. */
  async #findArrived(error: ApiError): Promise<Upload | undefined> {
    const { api } = this.#options;
    const id = error.problem.id ?? this.id;
    if (id === undefined) throw error;
    const call = () => api.get(id);
    const upload = await callApi(this.#options, call, this.#cancel.signal).catch(goneAsUndefined);
    if (upload?.state === "uploading") throw error;
    return upload?.state === "aborted" ? undefined : upload;
  }

  #startAgain(): void {
    const { id } = this;
    this.#created = undefined;
    this.#idempotencyKey = newKey();
    if (id !== undefined) this.#options.listener?.removed?.(id);
  }

  /** The upload does not match the file: a retry reads the file again and creates another upload. */
  async #discard(): Promise<void> {
    const { id } = this;
    this.#data = undefined;
    this.#checksum = undefined;
    this.#startAgain();
    if (id !== undefined) await removeQuickly(this.#options, id);
  }
}

function isWrongState(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === "wrong_state";
}

/** The file has changed since an earlier page created an upload with the same idempotency key. */
function isReused(error: ApiError): boolean {
  return error.code === "idempotency_key_reused";
}

/** S3 received other bytes than the page hashed, in every attempt, or the file cannot be read. */
function isUseless(error: unknown): boolean {
  return error instanceof ReadError || (error instanceof PartError && error.verdict === "damaged");
}

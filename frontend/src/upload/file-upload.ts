// Uploads one file from the person's disk to S3 in parts: creates the upload, sends the parts, completes it. The person may
// pause, resume, retry and cancel it. Only S3 knows which parts it holds: a resumed upload lists them first.
// Must not know about Uppy, the page, or other files (it receives the pool and the semaphore that files share).

import { callApi, removeQuickly, removeUpload } from "./api/calls";
import type { CreateRequest, PartsUpload, Upload } from "./api/contract";
import { newKey } from "./api/idempotency-key";
import { PartChecksums } from "./checksums/part-checksums";
import type { HostPool } from "./concurrency/host-pool";
import { Pause } from "./concurrency/pause";
import type { Semaphore } from "./concurrency/semaphore";
import { ApiError, Cancelled, isGone, PartError, Paused, ReadError, WrongStrategy } from "./errors";
import { type Answer, type Completion, complete, completeEarly } from "./parts/completion";
import { allParts, missingParts } from "./parts/part-ranges";
import { PartSender } from "./parts/part-sender";
import type { SourceFile } from "./ports";
import { resumeUpload } from "./resume/resume";
import { ResumeRecord } from "./resume/resume-record";
import type { CircuitBreaker } from "./retry/circuit-breaker";
import type { Settings } from "./settings";
import type { Tools } from "./tools";

export type FileUploadOptions = Omit<Tools, "preconnect"> & {
  settings: Settings;
  file: SourceFile;
  pool: HostPool;
  /** Limits the files that are sent in parts at the same time. */
  files: Semaphore;
  s3Breaker: CircuitBreaker;
  apiBreaker: CircuitBreaker;
  completeBreaker: CircuitBreaker;
  /** The fingerprints of the files that this tab is sending. */
  claims: Set<string>;
  /** Called before the first call of the API, so that connections to S3 are open when there are parts to send. */
  connect: () => void;
  onProgress: (sent: number) => void;
};

/**
 * How far the upload is. A run continues from here.
 * - `new`: there is no upload yet, or it is gone.
 * - `created`: S3 holds no part, because none was sent.
 * - `sending`: S3 may hold some parts; it must be asked which.
 * - `completing`: every byte has left. S3 may already assemble the object, and then it no longer knows the parts.
 * - `completed`: S3 has assembled the object.
 */
type Position = "new" | "created" | "sending" | "completing" | "completed";

export class FileUpload {
  readonly #options: FileUploadOptions;
  readonly #record: ResumeRecord;
  readonly #pause = new Pause();
  readonly #cancel = new AbortController();
  /** Ends this attempt: the upload is paused or cancelled. */
  #stop = new AbortController();
  #running: Promise<Upload> | undefined;
  #position: Position = "new";
  #created: PartsUpload | undefined;
  #sender: PartSender | undefined;
  #checksums: PartChecksums | undefined;
  /** The call of complete that was made when every byte had left. */
  #early: Promise<Answer | undefined> | undefined;
  #creations = 0;
  /** Repeated creates with the same key make one upload. */
  #idempotencyKey: string | undefined;

  constructor(options: FileUploadOptions) {
    this.#options = options;
    this.#record = new ResumeRecord(options);
  }

  /** The upload's id, once it is created. */
  get id(): string | undefined {
    return this.#created?.id;
  }

  /** Uploads the file, or continues where an earlier run failed. Rejects with Cancelled when cancelled. */
  run(): Promise<Upload> {
    this.#running ??= this.#run().finally(() => {
      this.#record.release();
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Stops sending, except for parts that are mostly sent. Parts in S3 stay there. */
  pause(): void {
    this.#pause.on();
    if (this.#sender?.isSending) this.#sender.pause();
    else this.#stop.abort();
  }

  resume(): void {
    this.#pause.off();
  }

  /** Stops everything and aborts the upload in S3. Does nothing to a completed upload. */
  async cancel(): Promise<void> {
    if (this.#isCompleted) return;
    this.#cancel.abort(new Cancelled());
    this.#stop.abort(new Cancelled());
    await this.#running?.catch(() => undefined);
    const { id } = this;
    if (id === undefined || this.#isCompleted) return;
    this.#created = undefined;
    await this.#record.remove();
    await removeUpload(this.#options, id);
    this.#options.listener?.removed?.(id); // not earlier: until now the API still lists it
  }

  get #isCompleted(): boolean {
    return this.#position === "completed";
  }

  async #run(): Promise<Upload> {
    const { files, listener } = this.#options;
    const { signal } = this.#cancel;
    for (;;) {
      await this.#pause.passed(signal);
      const upload = await files.use(signal, () => this.#attempt());
      signal.throwIfAborted();
      if (upload) {
        this.#position = "completed";
        await this.#record.remove();
        listener?.completed?.(upload);
        return upload;
      }
    }
  }

  /** Runs from the present position to the end. Undefined when paused, or when the upload is gone and starts again. */
  async #attempt(): Promise<Upload | undefined> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#options.connect();
    const completed = this.#created ? undefined : await this.#resumeEarlier();
    if (completed) return completed;
    const created = this.#created ?? (await this.#create());
    this.#cancel.signal.throwIfAborted();
    try {
      const early = await this.#sendMissing(created, signal);
      if (this.#pause.isOn) return undefined;
      return await this.#complete(created, early, signal);
    } catch (error) {
      this.#cancel.signal.throwIfAborted();
      if (signal.aborted || error instanceof Paused) return undefined; // paused, and perhaps resumed since
      return await this.#handleFailure(error, created);
    }
  }

  /** Adopts the upload of an earlier page. Resolves with it when it was completed meanwhile. */
  async #resumeEarlier(): Promise<Upload | undefined> {
    const { file, listener } = this.#options;
    const earlier = await resumeUpload({ ...this.#options, record: this.#record }, this.#cancel.signal);
    if (!earlier || !("unfinished" in earlier)) return earlier;
    this.#adopt(earlier.unfinished, "sending");
    for (const [number, checksum] of earlier.checksums) this.#checksums?.set(number, checksum);
    listener?.created?.(earlier.unfinished, file);
    return undefined;
  }

  async #create(): Promise<PartsUpload> {
    const { api, file, listener } = this.#options;
    this.#idempotencyKey ??= newKey();
    const request: CreateRequest = {
      filename: file.name,
      size: file.data.size,
      idempotency_key: this.#idempotencyKey,
    };
    if (file.type) request.content_type = file.type;
    const created = await callApi(this.#options, () => api.create(request), this.#cancel.signal);
    if (created.strategy !== "multipart") return this.#leaveToSmallUpload(created.id);
    this.#adopt(created, "created");
    await this.#record.create(created);
    listener?.created?.(created, file);
    return created;
  }

  async #leaveToSmallUpload(id: string): Promise<never> {
    const { file, settings } = this.#options;
    settings.putMaxSize = Math.max(settings.putMaxSize, file.data.size);
    await removeQuickly(this.#options, id);
    throw new WrongStrategy("The API wants the file whole");
  }

  #adopt(created: PartsUpload, position: Position): void {
    this.#created = created;
    this.#position = position;
    this.#sender = this.#newSender(created);
  }

  #newSender(upload: PartsUpload): PartSender {
    const { api, file, hasher, transport, pool, s3Breaker, clock, settings, onProgress } = this.#options;
    const { data } = file;
    const checksums = new PartChecksums({ upload, data, hasher });
    this.#checksums = checksums;
    return new PartSender({
      ...{
        upload,
        data,
        checksums,
        transport,
        pool,
        breaker: s3Breaker,
        clock,
        settings,
        pause: this.#pause,
      },
      sheets: (request, signal) =>
        callApi(this.#options, () => api.sheet(upload.id, request, signal), signal),
      onProgress,
      onAllSent: () => this.#completeEarly(upload),
      onPart: (number, crc64nvme) => this.#record.addChecksum(number, crc64nvme),
    });
  }

  /** Sends the parts that S3 does not hold. Resolves with the answer to the early call of complete, if there was one. */
  async #sendMissing(created: PartsUpload, signal: AbortSignal): Promise<Answer | undefined> {
    signal.throwIfAborted();
    if (this.#position === "completing") return undefined;
    const missing = await this.#missing(created, signal);
    this.#position = "sending";
    this.#early = undefined;
    try {
      await this.#sender?.send(missing, signal);
      this.#position = "completing";
    } catch (error) {
      signal.throwIfAborted();
      // After S3 has assembled the object, it refuses the retry of a part whose response was lost. An answer to the
      // early call says more than this error.
      if ((await this.#early) === undefined) {
        this.#position = "sending";
        throw error;
      }
    }
    return this.#early;
  }

  async #missing(created: PartsUpload, signal: AbortSignal): Promise<number[]> {
    if (this.#position === "created") return allParts(created.part_count);
    const { api, file } = this.#options;
    const list = await callApi(this.#options, () => api.listParts(created.id, signal), signal);
    return missingParts({ ...list, size: file.data.size }, list.parts);
  }

  /** Every byte has left: calls complete once, while S3 still confirms the last parts. */
  #completeEarly(created: PartsUpload): void {
    if (this.#pause.isOn) return;
    this.#position = "completing";
    this.#early ??= completeEarly(this.#completion(created, this.#stop.signal));
  }

  /** Completes the upload. When S3 turns out to lack parts, sends them and completes again. */
  async #complete(created: PartsUpload, early: Answer | undefined, signal: AbortSignal): Promise<Upload> {
    const { settings } = this.#options;
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return await complete(this.#completion(created, signal), tries === 1 ? early : undefined);
      } catch (error) {
        const missing = missingFrom(error);
        if (!missing || tries >= settings.completeTries) throw error;
        await this.#sender?.send(missing, signal);
      }
    }
  }

  #completion({ id }: PartsUpload, signal: AbortSignal): Completion {
    const { api, clock, settings, apiBreaker, completeBreaker } = this.#options;
    const checksum = async () => (await this.#checksums?.whole(signal)) ?? "";
    return { id, checksum, api, clock, apiBreaker, completeBreaker, settings, signal };
  }

  /** Starts again with a new upload if that helps. Otherwise throws, and aborts an upload of no further use. */
  async #handleFailure(error: unknown, created: PartsUpload): Promise<undefined> {
    const { file, listener, settings } = this.#options;
    if (isGone(error) && ++this.#creations < settings.createTries) {
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

  async #forget(): Promise<void> {
    await this.#record.remove();
    this.#position = "new";
    this.#created = undefined;
    this.#idempotencyKey = undefined;
  }
}

/** S3 holds, or received in every attempt, other bytes than the page hashed: only a new upload helps. */
function isMismatch(error: unknown): boolean {
  if (error instanceof PartError) return error.verdict === "damaged";
  return error instanceof ApiError && error.code === "checksum_mismatch";
}

function missingFrom(error: unknown): number[] | undefined {
  if (!(error instanceof ApiError) || error.code !== "parts_missing") return undefined;
  return error.problem.missing;
}

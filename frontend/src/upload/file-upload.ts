// One file from the person's disk to S3: hash, create, send the parts, complete; paused, resumed, retried and
// cancelled on the way. S3 is the truth about what it holds: whoever comes back asks it first.
// Must not know about Uppy, the page, or other files (the pool and the places it is given are shared).
import type { CreatedUpload, CreateRequest, Upload } from "./contract";
import { ApiError, Cancelled, PartError } from "./errors";
import { PartSender } from "./part-sender";
import { allParts, missingParts } from "./parts";
import { Pause } from "./pause";
import type { Settings, SourceFile, Tools } from "./settings";
import type { HostPool, Slots } from "./slots";

/** After these the upload cannot go on; the next try creates a new one. */
const LOST = new Set([404, 410, 422]);

export type FileUploadOptions = Tools & {
  settings: Settings;
  file: SourceFile;
  pool: HostPool;
  files: Slots;
  onProgress: (sent: number) => void;
};

export class FileUpload {
  readonly #options: FileUploadOptions;
  readonly #pause = new Pause();
  readonly #cancel = new AbortController();
  #stop = new AbortController();
  #running: Promise<Upload> | undefined;
  #created: CreatedUpload | undefined;
  #sender: PartSender | undefined;
  #checksum: Promise<string> | undefined;
  /** Whether any part was tried, and whether all were sent, since the upload was created. */
  #begun = false;
  #sent = false;
  #finished = false;

  constructor(options: FileUploadOptions) {
    this.#options = options;
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

  /** Stops sending; what S3 has stays there. */
  pause(): void {
    this.#pause.on();
    this.#stop.abort();
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
    this.#options.listener?.removed?.(id);
    await this.#options.api.remove(id);
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
        listener?.completed?.(upload);
        return upload;
      }
    }
  }

  /** From where we are to the end. Undefined when paused, or when the upload is gone and must begin anew. */
  async #turn(): Promise<Upload | undefined> {
    this.#stop = new AbortController();
    this.#created ??= await this.#create();
    this.#cancel.signal.throwIfAborted();
    try {
      await this.#sendMissing(this.#created, this.#stop.signal);
      return await this.#complete(this.#created, this.#stop.signal);
    } catch (error) {
      this.#cancel.signal.throwIfAborted();
      if (this.#pause.isOn) return undefined;
      if (isLost(error)) this.#forget();
      throw error;
    }
  }

  /** Small files are hashed first, so that S3 checks their one PUT; others while they are sent. */
  async #create(): Promise<CreatedUpload> {
    const { api, file, settings, listener } = this.#options;
    const request: CreateRequest = { filename: file.name, size: file.data.size };
    if (file.type) request.content_type = file.type;
    if (file.data.size <= settings.putMaxSize) request.crc64nvme = await this.#hash();
    this.#cancel.signal.throwIfAborted();
    const created = await api.create(request);
    this.#begun = false;
    this.#sent = false;
    this.#sender = this.#newSender(created, request.crc64nvme);
    listener?.created?.(created, file);
    return created;
  }

  #newSender(upload: CreatedUpload, checksum: string | undefined): PartSender {
    const { api, file, transport, pool, clock, settings, onProgress } = this.#options;
    const headers: Record<string, string> = {};
    if (upload.strategy === "put" && checksum !== undefined) headers["x-amz-checksum-crc64nvme"] = checksum;
    const sheets = (range: { first?: number }, signal: AbortSignal) => api.sheet(upload.id, range, signal);
    const data = file.data;
    return new PartSender({ upload, data, headers, sheets, transport, pool, clock, settings, onProgress });
  }

  async #sendMissing(created: CreatedUpload, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    void this.#hash();
    if (this.#sent) return;
    const missing = await this.#missing(created, signal);
    this.#begun = true;
    this.#sender?.expect(missing);
    await this.#sender?.send(missing, signal);
    this.#sent = true;
  }

  async #missing(created: CreatedUpload, signal: AbortSignal): Promise<number[]> {
    if (!this.#begun || created.strategy === "put") return allParts(created.part_count);
    const { api, file } = this.#options;
    const list = await api.listParts(created.id, signal);
    return missingParts({ ...list, size: file.data.size }, list.parts);
  }

  /** Completes; parts that S3 turns out not to hold are sent again first. */
  async #complete(created: CreatedUpload, signal: AbortSignal): Promise<Upload> {
    const { api, settings } = this.#options;
    const crc64nvme = await this.#hash();
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return await api.complete(created.id, { crc64nvme });
      } catch (error) {
        const missing = missingFrom(error);
        if (!missing || tries >= settings.completeTries) throw error;
        this.#sender?.expect(missing);
        await this.#sender?.send(missing, signal);
      }
    }
  }

  /** The file's checksum, computed once; a failure is forgotten, so that a retry reads the file again. */
  #hash(): Promise<string> {
    const { hasher, file } = this.#options;
    if (this.#checksum) return this.#checksum;
    const checksum = hasher(file.data, this.#cancel.signal);
    this.#checksum = checksum;
    checksum.catch(() => {
      if (this.#checksum === checksum) this.#checksum = undefined;
    });
    return checksum;
  }

  #forget(): void {
    this.#created = undefined;
    this.#checksum = undefined;
  }
}

function isLost(error: unknown): boolean {
  return (error instanceof ApiError || error instanceof PartError) && LOST.has(error.status);
}

function missingFrom(error: unknown): number[] | undefined {
  if (!(error instanceof ApiError) || error.code !== "parts_missing") return undefined;
  return error.problem.missing;
}

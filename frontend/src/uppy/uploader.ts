// The engine as an Uppy uploader plugin: Uppy's events become calls, the engine's answers become Uppy's events.
// Works in any Uppy page in place of @uppy/aws-s3. Must not know our page, nor how bytes reach S3.
import { BasePlugin, type Body, type Meta, type PluginOpts, type Uppy, type UppyFile } from "@uppy/core";
import { filterFilesToEmitUploadStarted, filterFilesToUpload } from "@uppy/core/utils";
import type { Engine, Waiting } from "../upload/engine";
import { Cancelled } from "../upload/errors";
import type { FileUpload } from "../upload/file-upload";
import type { SourceFile } from "../upload/settings";

/** Uppy redraws on every progress event; more often than this (milliseconds) nobody sees. */
const PROGRESS_INTERVAL = 150;
/** Before so long (milliseconds) Uppy would tell a time that is far off, and correct it over many seconds. */
const FIRST_PROGRESS = 1_000;
/** How long (milliseconds) Uppy shows why uploads wait. */
const INFO_TIME = 10_000;

export type HoistUploaderOptions = PluginOpts & {
  engine: Engine;
  /** What a person should read when a file fails. */
  describe: (error: unknown) => string;
  /** Where the page keeps one: a way back to a file on another day. */
  handleOf?: (file: File) => FileSystemFileHandle | undefined;
  /** Uploads begin or cease to wait for a service that does not answer. Without it Uppy's informer says why they wait. */
  onWaiting?: (waiting: Waiting[]) => void;
};

export class HoistUploader<M extends Meta, B extends Body> extends BasePlugin<HoistUploaderOptions, M, B> {
  readonly #uploads = new Map<string, FileUpload>();
  #stopWatching = () => {};

  constructor(uppy: Uppy<M, B>, options: HoistUploaderOptions) {
    super(uppy, options);
    this.id = options.id ?? "HoistUploader";
    this.type = "uploader";
  }

  override install(): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({
      capabilities: { ...capabilities, individualCancellation: true, resumableUploads: true },
    });
    this.uppy.addUploader(this.#uploadAll);
    this.uppy.on("file-removed", this.#remove);
    this.uppy.on("upload-pause", this.#pause);
    this.uppy.on("pause-all", this.#pauseAll);
    this.uppy.on("resume-all", this.#resumeAll);
    this.#stopWatching = this.opts.engine.watch((waiting) => this.#tellWaiting(waiting));
  }

  override uninstall(): void {
    this.uppy.removeUploader(this.#uploadAll);
    this.uppy.off("file-removed", this.#remove);
    this.uppy.off("upload-pause", this.#pause);
    this.uppy.off("pause-all", this.#pauseAll);
    this.uppy.off("resume-all", this.#resumeAll);
    this.#stopWatching();
  }

  #tellWaiting(waiting: Waiting[]): void {
    for (const { service, neverAnswered, error } of waiting) {
      const hint = neverAnswered
        ? ", and never has: check its address and that it allows this page's origin"
        : "";
      this.uppy.log(`[HoistUploader] ${service} does not answer${hint}`, "warning");
      if (!this.opts.onWaiting) this.uppy.info(this.opts.describe(error), "warning", INFO_TIME);
    }
    this.opts.onWaiting?.(waiting);
  }

  /** The Uppy file whose unfinished upload has this id. */
  fileOf(uploadId: string): string | undefined {
    for (const [fileId, upload] of this.#uploads) if (upload.id === uploadId) return fileId;
    return undefined;
  }

  /** Cancels whatever is under way and waits until S3 has let go of it. */
  async close(): Promise<void> {
    const uploads = [...this.#uploads.values()];
    this.#uploads.clear();
    await Promise.allSettled(uploads.map((upload) => upload.cancel()));
  }

  readonly #uploadAll = async (ids: string[]): Promise<void> => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids));
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files));
    await Promise.all(files.map((file) => this.#upload(file)));
  };

  async #upload(file: UppyFile<M, B>): Promise<void> {
    const upload = this.#uploads.get(file.id) ?? this.#newUpload(file);
    if (!upload) return;
    upload.resume();
    try {
      await upload.run();
      this.uppy.emit("upload-success", this.uppy.getFile(file.id), { status: 200 });
      this.#uploads.delete(file.id);
    } catch (error) {
      if (error instanceof Cancelled) return;
      const message = this.opts.describe(error);
      this.uppy.log(error, "warning");
      this.uppy.emit("upload-error", this.uppy.getFile(file.id), { name: "UploadError", message });
    }
  }

  #newUpload(file: UppyFile<M, B>): FileUpload | undefined {
    if (file.isRemote || !file.data) return undefined;
    const { name, type, data } = file;
    const source: SourceFile = { name, type, data };
    if (data instanceof File) {
      source.lastModified = data.lastModified;
      source.handle = () => this.opts.handleOf?.(data);
    }
    const upload = this.opts.engine.upload(source, this.#progress(file.id, data.size));
    this.#uploads.set(file.id, upload);
    return upload;
  }

  /** Tells Uppy from FIRST_PROGRESS on, at most every PROGRESS_INTERVAL, and always the last byte. */
  #progress(id: string, bytesTotal: number): (sent: number) => void {
    let next = performance.now() + FIRST_PROGRESS;
    return (bytesUploaded) => {
      const now = performance.now();
      if (bytesUploaded < bytesTotal && now < next) return;
      next = now + PROGRESS_INTERVAL;
      const file = this.uppy.getFile(id);
      const uploadStarted = file?.progress.uploadStarted;
      if (!uploadStarted) return;
      this.uppy.emit("upload-progress", file, { uploadStarted, bytesUploaded, bytesTotal });
    };
  }

  readonly #remove = (file: UppyFile<M, B>): void => {
    const upload = this.#uploads.get(file.id);
    this.#uploads.delete(file.id);
    upload?.cancel().catch((error: unknown) => this.uppy.log(error, "warning"));
  };

  readonly #pause = (file: UppyFile<M, B> | undefined, isPaused: boolean): void => {
    const upload = this.#uploads.get(file?.id ?? "");
    if (isPaused) upload?.pause();
    else upload?.resume();
  };

  readonly #pauseAll = (): void => {
    for (const upload of this.#uploads.values()) upload.pause();
  };

  readonly #resumeAll = (): void => {
    for (const upload of this.#uploads.values()) upload.resume();
  };
}

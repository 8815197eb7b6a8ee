// The engine as an Uppy uploader plugin: translates Uppy's events into calls, and the engine's results into Uppy's events.
// Works in any Uppy page in place of @uppy/aws-s3. Must not know Hoist's page, nor how bytes reach S3.
import { BasePlugin, type Body, type Meta, type PluginOpts, type Uppy, type UppyFile } from "@uppy/core";
import { filterFilesToEmitUploadStarted, filterFilesToUpload } from "@uppy/core/utils";
import type { Engine, Waiting } from "../upload/engine";
import { Cancelled } from "../upload/errors";
import type { RunningUpload } from "../upload/member-upload";
import type { SourceFile } from "../upload/ports";
import { inSlices, nextTask } from "../upload/tasks";
import { EventBatches } from "./event-batches";

/** Uppy redraws on every progress event. Nobody sees changes that follow more closely than this (milliseconds). */
const PROGRESS_INTERVAL = 150;
/** Before this (milliseconds) Uppy's estimate of the remaining time would be far off, and stay so for seconds. */
const FIRST_PROGRESS = 1_000;
/** Uppy shows for this long (milliseconds) why uploads wait. */
const INFO_TIME = 10_000;

export type HoistUploaderOptions = PluginOpts & {
  engine: Engine;
  /** Explains to a person why a file failed. */
  describe: (error: unknown) => string;
  /** The handle that opens the file again later, if the page has one. */
  handleOf?: (file: File) => FileSystemFileHandle | undefined;
  /** Uploads start or stop waiting for a service that does not answer. Without it Uppy's informer shows why they wait. */
  onWaiting?: (waiting: Waiting[]) => void;
};

export class HoistUploader<M extends Meta, B extends Body> extends BasePlugin<HoistUploaderOptions, M, B> {
  readonly #uploads = new Map<string, RunningUpload>();
  readonly #events = new EventBatches(PROGRESS_INTERVAL);
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
    this.#stopWatching = this.opts.engine.watch((waiting) => this.#reportWaiting(waiting));
  }

  override uninstall(): void {
    this.uppy.removeUploader(this.#uploadAll);
    this.uppy.off("file-removed", this.#remove);
    this.uppy.off("upload-pause", this.#pause);
    this.uppy.off("pause-all", this.#pauseAll);
    this.uppy.off("resume-all", this.#resumeAll);
    this.#stopWatching();
  }

  #reportWaiting(waiting: Waiting[]): void {
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

  /** Cancels all uploads and waits until S3 has aborted them. */
  async close(): Promise<void> {
    const uploads = [...this.#uploads.values()];
    this.#uploads.clear();
    await Promise.allSettled(uploads.map((upload) => upload.cancel()));
  }

  readonly #uploadAll = async (ids: string[]): Promise<void> => {
    await nextTask(); // Uppy has just gone through all files, and the next line does so again
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids));
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files));
    await nextTask();
    const sources = new Map(files.flatMap((file) => this.#newSource(file)));
    const arrived = await this.opts.engine.drop([...sources.values()]);
    const uploads: Promise<void>[] = [];
    const start = ({ id }: UppyFile<M, B>) => {
      const source = sources.get(id);
      if (source && arrived.has(source)) this.#succeed(id);
      else uploads.push(this.#upload(id, source));
    };
    await inSlices(files, (slice) => slice.forEach(start));
    await Promise.all(uploads);
  };

  #succeed(id: string): void {
    this.uppy.emit("upload-success", this.uppy.getFile(id), { status: 200 });
  }

  async #upload(id: string, source: SourceFile | undefined): Promise<void> {
    const upload = this.#uploads.get(id) ?? (source && this.#newUpload(id, source));
    if (!upload) return;
    const file = this.uppy.getFile(id);
    // The file may have been removed or paused while its drop was recorded.
    if (!file) return this.#remove({ id });
    if (file.isPaused) upload.pause();
    else upload.resume();
    try {
      await upload.run();
      await this.#events.deliver(id, () => this.#succeed(id));
      this.#uploads.delete(id);
    } catch (error) {
      if (error instanceof Cancelled) return;
      const message = this.opts.describe(error);
      this.uppy.log(error, "warning");
      this.uppy.emit("upload-error", this.uppy.getFile(id), { name: "UploadError", message });
    }
  }

  /** Converts a new file to the engine's type. Empty for a file that was tried before or has no data here. */
  #newSource(file: UppyFile<M, B>): [string, SourceFile][] {
    if (this.#uploads.has(file.id) || file.isRemote || !file.data) return [];
    const source = sourceOf(file, file.data);
    const path: unknown = file.meta.relativePath;
    if (typeof path === "string") source.path = path;
    const { data } = source;
    if (data instanceof File) source.handle = () => this.opts.handleOf?.(data);
    return [[file.id, source]];
  }

  #newUpload(id: string, source: SourceFile): RunningUpload {
    const upload = this.opts.engine.upload(source, this.#progress(id, source.size ?? source.data.size));
    this.#uploads.set(id, upload);
    return upload;
  }

  /**
   * Reports progress to Uppy from FIRST_PROGRESS on, at most every PROGRESS_INTERVAL. The last byte is reported too, unless
   * the file's success comes first.
   */
  #progress(id: string, bytesTotal: number): (sent: number) => void {
    let next = performance.now() + FIRST_PROGRESS;
    return (bytesUploaded) => {
      const now = performance.now();
      if (bytesUploaded < bytesTotal && now < next) return;
      next = now + PROGRESS_INTERVAL;
      if (bytesUploaded < bytesTotal) this.#reportProgress(id, bytesUploaded, bytesTotal);
      else this.#events.deliverLater(id, () => this.#reportProgress(id, bytesUploaded, bytesTotal));
    };
  }

  #reportProgress(id: string, bytesUploaded: number, bytesTotal: number): void {
    const file = this.uppy.getFile(id);
    const uploadStarted = file?.progress.uploadStarted;
    if (!uploadStarted) return;
    this.uppy.emit("upload-progress", file, { uploadStarted, bytesUploaded, bytesTotal });
  }

  readonly #remove = ({ id }: { id: string }): void => {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
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

/** Copies the size that Uppy knows, because browsers access the disk whenever the size or the time of a file is read. */
function sourceOf(
  { name, type, size }: { name: string; type: string; size: number | null },
  data: Blob,
): SourceFile {
  const source: SourceFile = { name, type, data };
  if (size !== null) source.size = size;
  if (!(data instanceof File)) return source;
  return Object.defineProperty(source, "lastModified", { enumerable: true, get: () => data.lastModified });
}

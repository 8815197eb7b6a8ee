// Uppy with its Dashboard and our uploader: where files are picked and their progress is seen.
// Must not know the list of uploads.
import { type Body, type Meta, Uppy } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import type { Limits } from "../upload/contract";
import type { Engine } from "../upload/engine";
import { HoistUploader } from "../uppy/uploader";
import { formatSize } from "./formats";
import { strings } from "./strings";

/** How long finished files stay before the drop area comes back (milliseconds); the list goes on showing them. */
const LINGER = 3_000;

export type DashboardOptions = {
  target: HTMLElement;
  engine: Engine;
  describe: (error: unknown) => string;
  /** Shows what Uppy has to say, reason included. */
  say: (text: string, kind: "good" | "bad") => void;
  /** Something began, or all of it ended. */
  onBusy: () => void;
};

export class UploadDashboard {
  readonly #uppy: Uppy<Meta, Body>;
  readonly #uploader: HoistUploader<Meta, Body>;

  constructor({ target, engine, describe, say, onBusy }: DashboardOptions) {
    this.#uppy = new Uppy<Meta, Body>({ autoProceed: true, onBeforeFileAdded: isWelcome });
    this.#uppy.setOptions({ locale: { strings: strings.uppy } });
    this.#uppy.use(HoistUploader<Meta, Body>, { engine, describe });
    this.#uppy.use(Dashboard<Meta, Body>, { ...look, target });
    this.#uppy.on("info-visible", () => this.#tell(say));
    this.#uppy.on("upload-start", () => queueMicrotask(onBusy));
    this.#uppy.on("complete", onBusy);
    this.#uppy.on("cancel-all", onBusy);
    this.#uppy.on("complete", () => setTimeout(() => this.#tidy(), LINGER));
    this.#uploader = this.#uppy.getPlugin<HoistUploader<Meta, Body>>("HoistUploader") as HoistUploader<
      Meta,
      Body
    >;
  }

  /** Rules known beforehand, so that a file is refused before it is sent. */
  limit({ max_size, allowed_types }: Limits): void {
    const allowedFileTypes = allowed_types.length > 0 ? allowed_types : null;
    this.#uppy.setOptions({ restrictions: { maxFileSize: max_size, allowedFileTypes } });
    const notes = [strings.drop.limit(formatSize(max_size))];
    if (allowedFileTypes) notes.push(strings.drop.types(allowedFileTypes.join(", ")));
    this.#uppy.getPlugin("Dashboard")?.setOptions({ note: notes.join(" ") });
  }

  get isBusy(): boolean {
    return this.#uppy.getObjectOfFilesPerState().isUploadInProgress;
  }

  /** Cancels the unfinished upload with this id; false when it is not one of this page's. */
  cancel(uploadId: string): boolean {
    const fileId = this.#uploader.fileOf(uploadId);
    if (fileId !== undefined) this.#uppy.removeFile(fileId);
    return fileId !== undefined;
  }

  #tell(say: DashboardOptions["say"]): void {
    const info = this.#uppy.getState().info.at(-1);
    if (!info) return;
    const details = typeof info.details === "string" ? info.details : "";
    const bad = info.type === "error" || info.type === "warning";
    say(`${info.message} ${details}`.trim(), bad ? "bad" : "good");
  }

  #tidy(): void {
    const { isAllComplete, erroredFiles } = this.#uppy.getObjectOfFilesPerState();
    if (isAllComplete && erroredFiles.length === 0) this.#uppy.clear();
  }

  async close(): Promise<void> {
    const closed = this.#uploader.close();
    this.#uppy.destroy();
    await closed;
  }
}

/** A file that is done may be sent once more; one under way may not. */
function isWelcome(file: { id: string }, files: Record<string, { progress: { complete?: true } }>): boolean {
  const known = files[file.id];
  return known === undefined || known.progress.complete === true;
}

const look = {
  inline: true,
  width: "100%",
  height: 340,
  theme: "auto",
  proudlyDisplayPoweredByUppy: false,
  hideUploadButton: true,
  disableInformer: true,
  fileManagerSelectionType: "both",
} as const;

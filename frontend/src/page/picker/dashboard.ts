// Uppy's Dashboard with Hoist's uploader: people add files here and see their progress.
// Must not know the list of uploads.
import { type Body, type Meta, Uppy } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import type { Limits } from "../../upload/api/contract";
import type { Engine } from "../../upload/engine";
import { HoistUploader } from "../../uppy/uploader";
import { formatSize } from "../formats";
import { strings } from "../strings";
import { FileAdditions } from "./file-additions";
import { FileHandles, hasPicker } from "./file-handles";
import { refusal } from "./file-rules";

/** Milliseconds until finished files leave the drop area. The list of uploads still shows them. */
const LINGER = 3_000;

export type DashboardOptions = {
  target: HTMLElement;
  engine: Engine;
  explain: (error: unknown) => string;
  /** Shows a message of Uppy, or why a file is refused. */
  show: (text: string, kind: "good" | "bad") => void;
  /** Uploads started, or all of them ended. */
  onBusy: () => void;
  /** Uploads started or stopped waiting for a service. */
  onWaiting: () => void;
};

/** A file of this page that is not finished, and its current progress. */
export type ActiveFile = { data: Blob; sent: number; paused: boolean; error: string | undefined };

export class UploadDashboard {
  readonly handles = new FileHandles();
  readonly #uppy: Uppy<Meta, Body>;
  readonly #additions: FileAdditions;
  readonly #uploader: HoistUploader<Meta, Body>;
  readonly #options: DashboardOptions;
  #limits: Limits | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#watchTarget(options.target);
    this.#uppy = new Uppy<Meta, Body>({
      autoProceed: true,
      onBeforeFileAdded: (file, files) => this.#isAllowed(file) && isNotActive(file, files),
    });
    this.#additions = new FileAdditions(this.#uppy);
    this.#uploader = this.#installPlugins(options);
    this.#watchUppy(options);
  }

  /** Applies the API's limits, so that a file is refused before it is sent. */
  limit(limits: Limits): void {
    this.#limits = limits;
    const types = limits.allowed_types.join(", ");
    const notes = [strings.picker.limit(formatSize(limits.max_size))];
    if (types) notes.push(strings.picker.types(types));
    this.#uppy.getPlugin("Dashboard")?.setOptions({ note: notes.join(" ") });
  }

  /** Adds files, which starts their uploads. */
  add(files: readonly File[]): void {
    void this.#additions.add(files);
  }

  get isBusy(): boolean {
    return this.#uppy.getObjectOfFilesPerState().isUploadInProgress;
  }

  /** Cancels the unfinished upload with this id. Returns false when this page does not send it. */
  cancel(uploadId: string): boolean {
    const fileId = this.#uploader.fileOf(uploadId);
    if (fileId !== undefined) this.#uppy.removeFile(fileId);
    return fileId !== undefined;
  }

  /** The files that are being sent, paused, or stopped by an error. */
  activeFiles(): ActiveFile[] {
    return this.#uppy.getFiles().flatMap(({ data, progress, isPaused, error }) => {
      const isActive = progress.uploadStarted && !progress.uploadComplete;
      if (!isActive || !(data instanceof Blob)) return [];
      const bytes = progress.bytesUploaded || 0;
      return [{ data, sent: bytes, paused: isPaused === true, error: error ?? undefined }];
    });
  }

  async close(): Promise<void> {
    this.#additions.close();
    this.#listRole.disconnect();
    const closed = this.#uploader.close();
    this.#uppy.destroy();
    await closed;
  }

  #watchTarget(target: HTMLElement): void {
    this.#listRole.observe(target, { childList: true, subtree: true });
    this.handles.watch(target);
    target.addEventListener("click", (event) => this.#browse(event), { capture: true });
  }

  #installPlugins({ target, engine, explain, onWaiting }: DashboardOptions): HoistUploader<Meta, Body> {
    this.#uppy.setOptions({ locale: { strings: strings.uppy } });
    const handleOf = this.handles.of;
    this.#uppy.use(HoistUploader<Meta, Body>, { engine, describe: explain, handleOf, onWaiting });
    this.#uppy.use(Dashboard<Meta, Body>, { ...LOOK, target });
    const dashboard = this.#uppy.getPlugin<Dashboard<Meta, Body>>("Dashboard");
    if (dashboard) dashboard.addFiles = (files) => this.add(files);
    return this.#uppy.getPlugin("HoistUploader") as HoistUploader<Meta, Body>;
  }

  #watchUppy({ onBusy }: DashboardOptions): void {
    this.#uppy.on("info-visible", () => this.#showInfo());
    this.#uppy.on("upload-start", () => queueMicrotask(onBusy));
    this.#uppy.on("complete", onBusy);
    this.#uppy.on("cancel-all", onBusy);
    this.#uppy.on("complete", () => setTimeout(() => this.#clearFinished(), LINGER));
  }

  /** Opens the browser's picker instead of Uppy's, because only its files can be resumed later with one click. */
  #browse(event: Event): void {
    const button = event.target instanceof Element && event.target.closest(".uppy-Dashboard-browse");
    if (!button || button.textContent !== strings.uppy.browseFiles || !hasPicker()) return;
    event.stopPropagation();
    void this.handles.pick(true).then(
      (files) => this.add(files),
      (error: unknown) => this.#options.show(this.#options.explain(error), "bad"),
    );
  }

  #isAllowed({ name, type, size }: { name?: string; type: string; size: number | null }): boolean {
    const reason = refusal({ name: name ?? "", type, size: size ?? 0 }, this.#limits);
    if (reason !== undefined) this.#options.show(reason, "bad");
    return reason === undefined;
  }

  #showInfo(): void {
    const info = this.#uppy.getState().info.at(-1);
    if (!info) return;
    const details = typeof info.details === "string" ? info.details : "";
    const isBad = info.type === "error" || info.type === "warning";
    this.#options.show(`${info.message} ${details}`.trim(), isBad ? "bad" : "good");
  }

  #clearFinished(): void {
    const { isAllComplete, erroredFiles } = this.#uppy.getObjectOfFilesPerState();
    if (isAllComplete && erroredFiles.length === 0) this.#uppy.clear();
  }

  /** Uppy marks a single file as a list item without a list, which confuses screen readers. */
  readonly #listRole = new MutationObserver(() => {
    const files = this.#options.target.querySelector(".uppy-Dashboard-files:not([role])");
    files?.setAttribute("role", "list");
  });
}

/** A finished file may be sent once more; a file that is being sent may not. */
function isNotActive(
  file: { id: string },
  files: Record<string, { progress: { complete?: true } }>,
): boolean {
  const other = files[file.id];
  return other === undefined || other.progress.complete === true;
}

const LOOK = {
  inline: true,
  width: "100%",
  height: 340,
  theme: "auto",
  proudlyDisplayPoweredByUppy: false,
  hideUploadButton: true,
  disableInformer: true,
  fileManagerSelectionType: "both",
} as const;

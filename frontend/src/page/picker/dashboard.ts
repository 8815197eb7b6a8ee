// Uppy with its Dashboard and our uploader: where files are picked and their progress is seen.
// Must not know the list of uploads.
import { type Body, type Meta, Uppy } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import type { Limits } from "../../upload/api/contract";
import type { Engine } from "../../upload/engine";
import { inSlices } from "../../upload/tasks";
import { HoistUploader } from "../../uppy/uploader";
import { formatSize } from "../formats";
import { strings } from "../strings";
import { Handles, hasPicker } from "./file-handles";
import { refusal } from "./file-rules";

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
  /** Uploads begin or cease to wait for a service. */
  onWaiting: () => void;
};

/** A file of this page that is not done, as it stands now. */
export type Sending = { data: Blob; sent: number; paused: boolean; error: string | undefined };

export class UploadDashboard {
  readonly #uppy: Uppy<Meta, Body>;
  readonly #uploader: HoistUploader<Meta, Body>;
  readonly #target: HTMLElement;
  readonly #say: DashboardOptions["say"];
  readonly #describe: DashboardOptions["describe"];
  readonly handles = new Handles();
  #limits: Limits | undefined;
  /** How many additions are under way. */
  #adding = 0;
  #isClosed = false;

  constructor({ target, engine, describe, say, onBusy, onWaiting }: DashboardOptions) {
    this.#say = say;
    this.#describe = describe;
    this.#target = target;
    this.#repair.observe(target, { childList: true, subtree: true });
    this.handles.watch(target);
    target.addEventListener("click", (event) => this.#browse(event), { capture: true });
    this.#uppy = new Uppy<Meta, Body>({
      autoProceed: true,
      onBeforeFileAdded: (file, files) => this.#isAllowed(file) && isWelcome(file, files),
    });
    this.#uppy.setOptions({ locale: { strings: strings.uppy } });
    this.#uppy.use(HoistUploader<Meta, Body>, { engine, describe, handleOf: this.handles.of, onWaiting });
    this.#uppy.use(Dashboard<Meta, Body>, { ...look, target });
    const dashboard = this.#uppy.getPlugin<Dashboard<Meta, Body>>("Dashboard");
    if (dashboard) dashboard.addFiles = (files) => this.add(files);
    this.#uppy.on("info-visible", () => this.#tell());
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
  limit(limits: Limits): void {
    this.#limits = limits;
    const types = limits.allowed_types.join(", ");
    const notes = [strings.drop.limit(formatSize(limits.max_size))];
    if (types) notes.push(strings.drop.types(types));
    this.#uppy.getPlugin("Dashboard")?.setOptions({ note: notes.join(" ") });
  }

  /**
   * Adds files, which starts them. Uppy copies all its files for each that it adds: thousands are added in slices, so that
   * the page stays smooth meanwhile, and started together.
   */
  add(files: readonly File[]): void {
    void this.#add(files);
  }

  async #add(files: readonly File[]): Promise<void> {
    this.#adding++;
    this.#uppy.setOptions({ autoProceed: false });
    await inSlices(files, (slice) => this.#addSlice(slice));
    if (--this.#adding > 0 || this.#isClosed) return;
    this.#uppy.setOptions({ autoProceed: true });
    await this.#uppy.upload().catch((error: unknown) => this.#uppy.log(error, "warning"));
  }

  #addSlice(files: readonly File[]): void {
    if (this.#isClosed) return;
    try {
      this.#uppy.addFiles(files.map(described));
    } catch {
      // Uppy has said why.
    }
  }

  /** Files picked here can go on another day with one click; Uppy's own picker gives no way back to them. */
  #browse(event: Event): void {
    const button = event.target instanceof Element && event.target.closest(".uppy-Dashboard-browse");
    if (!button || button.textContent !== strings.uppy.browseFiles || !hasPicker()) return;
    event.stopPropagation();
    void this.handles.pick(true).then(
      (files) => this.add(files),
      (error: unknown) => this.#say(this.#describe(error), "bad"),
    );
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

  /** The files that are under way, paused or stopped by an error. */
  sending(): Sending[] {
    const files = this.#uppy.getFiles().filter(({ progress: { uploadStarted, uploadComplete } }) => {
      return uploadStarted && !uploadComplete;
    });
    return files.flatMap(({ data, progress, isPaused, error }) => {
      if (!(data instanceof Blob)) return [];
      const sent = progress.bytesUploaded || 0;
      return [{ data, sent, paused: isPaused === true, error: error ?? undefined }];
    });
  }

  #isAllowed({ name, type, size }: Picked): boolean {
    const reason = refusal({ name: name ?? "", type, size: size ?? 0 }, this.#limits);
    if (reason !== undefined) this.#say(reason, "bad");
    return reason === undefined;
  }

  #tell(): void {
    const info = this.#uppy.getState().info.at(-1);
    if (!info) return;
    const details = typeof info.details === "string" ? info.details : "";
    const bad = info.type === "error" || info.type === "warning";
    this.#say(`${info.message} ${details}`.trim(), bad ? "bad" : "good");
  }

  #tidy(): void {
    const { isAllComplete, erroredFiles } = this.#uppy.getObjectOfFilesPerState();
    if (isAllComplete && erroredFiles.length === 0) this.#uppy.clear();
  }

  /** Uppy calls a lone file a list's item, but no list: screen readers would be lost. */
  readonly #repair = new MutationObserver(() => {
    const files = this.#target.querySelector(".uppy-Dashboard-files:not([role])");
    files?.setAttribute("role", "list");
  });

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#repair.disconnect();
    const closed = this.#uploader.close();
    this.#uppy.destroy();
    await closed;
  }
}

/** As Uppy's Dashboard describes it; a file that was dropped in a folder says where it was. */
function described(data: File & { relativePath?: string | null }) {
  const { name, type, relativePath, webkitRelativePath } = data;
  return {
    source: "Dashboard",
    name,
    type,
    data,
    meta: { relativePath: relativePath || webkitRelativePath || null },
  };
}

type Picked = { name?: string; type: string; size: number | null };

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

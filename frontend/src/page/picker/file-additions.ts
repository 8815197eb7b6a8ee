// Adds files to Uppy and starts them. Uppy copies its list of files for each file that it adds. Thousands of files are
// therefore added in slices, so that the page stays smooth, and started together.
// Must not know where the files come from.
import type { Body, Meta, Uppy } from "@uppy/core";
import { inSlices } from "../../upload/tasks";

export class FileAdditions {
  readonly #uppy: Uppy<Meta, Body>;
  /** How many calls of `add` are in progress. */
  #active = 0;
  #isClosed = false;

  constructor(uppy: Uppy<Meta, Body>) {
    this.#uppy = uppy;
  }

  async add(files: readonly File[]): Promise<void> {
    this.#active++;
    this.#uppy.setOptions({ autoProceed: false });
    await inSlices(files, (slice) => this.#addSlice(slice));
    if (--this.#active > 0 || this.#isClosed) return;
    this.#uppy.setOptions({ autoProceed: true });
    await this.#uppy.upload().catch((error: unknown) => this.#uppy.log(error, "warning"));
  }

  close(): void {
    this.#isClosed = true;
  }

  #addSlice(files: readonly File[]): void {
    if (this.#isClosed) return;
    try {
      this.#uppy.addFiles(files.map(asUppyFile));
    } catch {
      // Uppy has reported the reason.
    }
  }
}

/** The same description as Uppy's Dashboard gives, with the path of a file that was dropped in a folder. */
function asUppyFile(data: File & { relativePath?: string | null }) {
  const { name, type, relativePath, webkitRelativePath } = data;
  const meta = { relativePath: relativePath || webkitRelativePath || null };
  return { source: "Dashboard", name, type, data, meta };
}

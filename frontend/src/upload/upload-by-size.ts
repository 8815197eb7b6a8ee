// One file, sent whole or in parts: first by the limit that this page knows, and again by the API's if that differs.
// Must not know how either is sent.
import type { Upload } from "./api/contract";
import { WrongStrategy } from "./errors";
import type { FileUpload } from "./file-upload";
import type { SmallUpload } from "./small-upload";

export class UploadBySize {
  readonly #choose: () => FileUpload | SmallUpload;
  #upload: FileUpload | SmallUpload;
  #isPaused = false;

  /** `choose` makes an upload by the limit that is known at the time of the call. */
  constructor(choose: () => FileUpload | SmallUpload) {
    this.#choose = choose;
    this.#upload = choose();
  }

  /** The upload's id, once it is created. */
  get id(): string | undefined {
    return this.#upload.id;
  }

  /** Uploads the file, or continues where an earlier run failed. Rejects with Cancelled when cancelled. */
  async run(): Promise<Upload> {
    try {
      return await this.#upload.run();
    } catch (error) {
      if (!(error instanceof WrongStrategy)) throw error;
      this.#upload = this.#choose();
      if (this.#isPaused) this.#upload.pause();
      return this.#upload.run();
    }
  }

  /** Stops sending. Bytes in S3 stay there. */
  pause(): void {
    this.#isPaused = true;
    this.#upload.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#upload.resume();
  }

  /** Stops everything and removes the upload. Does nothing to a completed upload. */
  cancel(): Promise<void> {
    return this.#upload.cancel();
  }
}

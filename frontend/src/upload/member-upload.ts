// The upload of a file that is a member of a drop: reports to the drop when the file needs nothing more.
// Must not know how it is sent.
import type { Upload } from "./api/contract";
import { ApiError, InAnotherTab } from "./errors";
import type { SourceFile } from "./ports";
import type { Drops } from "./resume/drops";
import type { UploadBySize } from "./upload-by-size";

/** Not valid, too large, of a type that is not allowed, bytes that do not match the declared ones. */
const REFUSALS = new Set([400, 413, 415, 422]);

/** The upload of one file. */
export type RunningUpload = Pick<UploadBySize, "id" | "run" | "pause" | "resume" | "cancel">;

export class MemberUpload implements RunningUpload {
  readonly #upload: RunningUpload;
  readonly #settle: () => void;

  constructor(upload: RunningUpload, file: SourceFile, drops: Drops) {
    this.#upload = upload;
    this.#settle = () => drops.settle(file);
  }

  get id(): string | undefined {
    return this.#upload.id;
  }

  async run(): Promise<Upload> {
    try {
      const upload = await this.#upload.run();
      this.#settle();
      return upload;
    } catch (error) {
      if (isFinal(error)) this.#settle();
      throw error;
    }
  }

  pause(): void {
    this.#upload.pause();
  }

  resume(): void {
    this.#upload.resume();
  }

  cancel(): Promise<void> {
    this.#settle();
    return this.#upload.cancel();
  }
}

/** The API refuses this file, or another tab is sending it: a later attempt would end in the same way. */
function isFinal(error: unknown): boolean {
  if (error instanceof InAnotherTab) return true;
  return error instanceof ApiError && REFUSALS.has(error.status);
}

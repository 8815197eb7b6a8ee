// The upload of a file that is recorded as a member of a drop: tells the drop when the file needs nothing more.
// Must not know how it is sent.
import type { Upload } from "./api/contract";
import { ApiError, InAnotherTab } from "./errors";
import type { Drops } from "./resume/drops";
import type { SourceFile } from "./settings";
import type { UploadBySize } from "./upload-by-size";

/** Not valid, too large, of a type that is not allowed, other bytes than were declared. */
const REFUSALS = new Set([400, 413, 415, 422]);

/** One file on its way to S3. */
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

/** The API does not take the file as it is, or another tab takes care of it: another day would change nothing. */
function isFinal(error: unknown): boolean {
  if (error instanceof InAnotherTab) return true;
  return error instanceof ApiError && REFUSALS.has(error.status);
}

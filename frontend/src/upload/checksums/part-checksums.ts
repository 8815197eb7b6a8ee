// The CRC64NVMEs of one upload's parts: computed once each, while parts are on their way, compared with what S3
// received, combined into the whole file's. Must not know how parts travel.
import type { PartsUpload } from "../api/contract";
import type { Hasher } from "../browser/hasher";
import { allParts, partRange } from "../parts/part-ranges";
import { combined } from "./crc-combine";

export type ChecksumsOptions = {
  upload: Pick<PartsUpload, "part_size" | "part_count">;
  data: Blob;
  hasher: Hasher;
};

export class Checksums {
  readonly #options: ChecksumsOptions;
  readonly #parts = new Map<number, Promise<string>>();

  constructor(options: ChecksumsOptions) {
    this.#options = options;
  }

  /** The checksum of part `number`, in S3's form; a failure is forgotten, so that a retry reads it again. */
  of(number: number, signal: AbortSignal): Promise<string> {
    const known = this.#parts.get(number);
    if (known) return known;
    const { upload, data, hasher } = this.#options;
    const { start, end } = partRange(number, upload.part_size, data.size);
    const checksum = hasher(data.slice(start, end), signal);
    this.#parts.set(number, checksum);
    checksum.catch(() => this.forget(number));
    return checksum;
  }

  /** What was computed before. */
  know(number: number, checksum: string): void {
    this.#parts.set(number, Promise.resolve(checksum));
  }

  /** A part that S3 received otherwise is read again: either reading may have been wrong. */
  forget(number: number): void {
    this.#parts.delete(number);
  }

  /** The whole file's; parts that were sent before this page was opened are read now. */
  async whole(signal: AbortSignal): Promise<string> {
    const { upload, data } = this.#options;
    const pieces: { size: number; crc64nvme: string }[] = [];
    for (const number of allParts(upload.part_count)) {
      const { start, end } = partRange(number, upload.part_size, data.size);
      pieces.push({ size: end - start, crc64nvme: await this.of(number, signal) });
    }
    return combined(pieces);
  }
}

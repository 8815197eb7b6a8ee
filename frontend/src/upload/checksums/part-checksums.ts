// The CRC64NVMEs of one upload's parts. Each is computed once, while the part is sent, compared with the checksum of the
// bytes that S3 received, and combined into the checksum of the whole file. Must not know how parts are sent.
import type { PartsUpload } from "../api/contract";
import { allParts, partRange } from "../parts/part-ranges";
import type { Hasher } from "../ports";
import { combine } from "./crc-combine";

export type PartChecksumsOptions = {
  upload: Pick<PartsUpload, "part_size" | "part_count">;
  data: Blob;
  hasher: Hasher;
};

export class PartChecksums {
  readonly #options: PartChecksumsOptions;
  readonly #parts = new Map<number, Promise<string>>();

  constructor(options: PartChecksumsOptions) {
    this.#options = options;
  }

  /** Resolves with the checksum of part `number` in S3's form. After a failure the next call reads the part again. */
  of(number: number, signal: AbortSignal): Promise<string> {
    const earlier = this.#parts.get(number);
    if (earlier) return earlier;
    const { upload, data, hasher } = this.#options;
    const { start, end } = partRange(number, upload.part_size, data.size);
    const checksum = hasher(data.slice(start, end), signal);
    this.#parts.set(number, checksum);
    checksum.catch(() => this.forget(number));
    return checksum;
  }

  /** Sets a checksum that an earlier page computed. */
  set(number: number, checksum: string): void {
    this.#parts.set(number, Promise.resolve(checksum));
  }

  /** Discards a checksum that differs from S3's: either reading of the part may have been wrong. */
  forget(number: number): void {
    this.#parts.delete(number);
  }

  /** Resolves with the checksum of the whole file. Parts that an earlier page sent may have to be read for it. */
  async whole(signal: AbortSignal): Promise<string> {
    const { upload, data } = this.#options;
    const pieces: { size: number; crc64nvme: string }[] = [];
    for (const number of allParts(upload.part_count)) {
      const { start, end } = partRange(number, upload.part_size, data.size);
      pieces.push({ size: end - start, crc64nvme: await this.of(number, signal) });
    }
    return combine(pieces);
  }
}

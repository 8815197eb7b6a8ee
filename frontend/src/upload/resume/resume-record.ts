// The journal's entry for one file, and this tab's claim on the file. When the journal does not work (a private window, a
// full disk) a later page cannot resume the file; the upload itself continues. Must not know how a file is sent.

import type { PartsUpload } from "../api/contract";
import type { Clock } from "../clock";
import { InAnotherTab } from "../errors";
import type { Hasher, Journal, JournalEntry, Locks, SourceFile } from "../ports";
import { fingerprintOf } from "./fingerprint";

export type ResumeRecordOptions = {
  file: SourceFile;
  journal: Journal;
  locks: Locks;
  hasher: Hasher;
  clock: Clock;
  /** The fingerprints of the files that this tab is sending. */
  claims: Set<string>;
};

export function lockName(fingerprint: string): string {
  return `hoist ${fingerprint}`;
}

export class ResumeRecord {
  readonly #options: ResumeRecordOptions;
  #fingerprint: string | undefined;
  #release: (() => void) | undefined;
  #id: string | undefined;

  constructor(options: ResumeRecordOptions) {
    this.#options = options;
  }

  /**
   * Claims the file and resolves with the entry that an earlier page made, if any. Rejects with InAnotherTab. When this
   * tab sends the same file twice at once, the second upload has no entry.
   */
  async claim(signal: AbortSignal): Promise<JournalEntry | undefined> {
    const { file, hasher, claims, locks, journal } = this.#options;
    if (this.#release) return undefined;
    const fingerprint = await fingerprintOf(file, hasher, signal);
    if (claims.has(fingerprint)) return undefined;
    claims.add(fingerprint);
    const release = await locks.claim(lockName(fingerprint)).catch(() => () => undefined);
    if (!release) claims.delete(fingerprint);
    if (!release) throw new InAnotherTab("The file is being sent in another tab");
    this.#release = release;
    this.#fingerprint = fingerprint;
    const entry = await journal.find(fingerprint).catch(() => undefined);
    this.#id = entry?.id;
    if (entry) await this.#write(entry);
    return entry;
  }

  /** Writes the entry with the newest file handle. */
  async #write(entry: JournalEntry): Promise<void> {
    const handle = this.#options.file.handle?.() ?? entry.handle;
    if (handle) entry.handle = handle;
    await this.#options.journal.add(entry).catch(() => undefined);
  }

  /** Makes the entry for an upload that was created. */
  async create({ id, key, part_size, part_count, parts_expire_at }: PartsUpload): Promise<void> {
    const { file, clock } = this.#options;
    if (this.#fingerprint === undefined) return;
    this.#id = id;
    const entry: JournalEntry = {
      ...{ id, key, part_size, part_count, fingerprint: this.#fingerprint, began: clock.now() },
      ...{ filename: file.name, size: file.data.size },
    };
    if (file.key) entry.member_key = file.key;
    if (parts_expire_at) entry.parts_expire_at = parts_expire_at;
    await this.#write(entry);
  }

  /** Resolves with the checksums of the parts that S3 has, by part number. */
  checksums(): Promise<Map<number, string>> {
    return this.#withEntry((journal, id) => journal.checksums(id), new Map<number, string>());
  }

  addChecksum(part: number, crc64nvme: string): void {
    void this.#withEntry((journal, id) => journal.addChecksum(id, part, crc64nvme), undefined);
  }

  /** Removes the entry: the upload is completed or of no further use. */
  async remove(): Promise<void> {
    await this.#withEntry((journal, id) => journal.remove(id), undefined);
    this.#id = undefined;
  }

  /** Releases the claim: another tab, or this one, may resume the file. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
    if (this.#fingerprint !== undefined) this.#options.claims.delete(this.#fingerprint);
    this.#fingerprint = undefined;
  }

  /** Does the work on the entry. Resolves with `otherwise` when there is none, or the journal does not work. */
  async #withEntry<T>(work: (journal: Journal, id: string) => Promise<T>, otherwise: T): Promise<T> {
    if (this.#id === undefined) return otherwise;
    return work(this.#options.journal, this.#id).catch(() => otherwise);
  }
}

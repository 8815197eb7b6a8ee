// What the journal holds of one file, and this tab's claim on it. A journal that does not work (a private window,
// a full disk) costs the resuming, never the upload. Must not know how a file is sent.

import type { PartsUpload } from "../api/contract";
import type { Hasher } from "../browser/hasher";
import type { Locks } from "../browser/tab-locks";
import type { Clock } from "../clock";
import { InAnotherTab } from "../errors";
import type { SourceFile } from "../settings";
import { fingerprintOf, type Journal, type JournalEntry } from "./fingerprint";

export type RememberedOptions = {
  file: SourceFile;
  journal: Journal;
  locks: Locks;
  hasher: Hasher;
  clock: Clock;
  /** The fingerprints that this tab is sending. */
  claims: Set<string>;
};

export function lockName(fingerprint: string): string {
  return `hoist ${fingerprint}`;
}

export class Remembered {
  readonly #options: RememberedOptions;
  #fingerprint: string | undefined;
  #release: (() => void) | undefined;
  #id: string | undefined;

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  /**
   * Claims the file; resolves with what an earlier page left of it. Rejects with InAnotherTab. A file that this tab
   * sends twice is sent twice, and the second is not remembered.
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

  /** With the newest way to the file there is. */
  async #write(entry: JournalEntry): Promise<void> {
    const handle = this.#options.file.handle?.() ?? entry.handle;
    if (handle) entry.handle = handle;
    await this.#options.journal.add(entry).catch(() => undefined);
  }

  async began({ id, key, part_size, part_count, parts_expire_at }: PartsUpload): Promise<void> {
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

  checksums(): Promise<Map<number, string>> {
    return this.#tried((journal, id) => journal.checksums(id), new Map<number, string>());
  }

  arrived(part: number, crc64nvme: string): void {
    void this.#tried((journal, id) => journal.addChecksum(id, part, crc64nvme), undefined);
  }

  async forget(): Promise<void> {
    await this.#tried((journal, id) => journal.remove(id), undefined);
    this.#id = undefined;
  }

  /** Gives the file back: another tab, or this one, may go on with it. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
    if (this.#fingerprint !== undefined) this.#options.claims.delete(this.#fingerprint);
    this.#fingerprint = undefined;
  }

  async #tried<T>(work: (journal: Journal, id: string) => Promise<T>, otherwise: T): Promise<T> {
    if (this.#id === undefined) return otherwise;
    return work(this.#options.journal, this.#id).catch(() => otherwise);
  }
}

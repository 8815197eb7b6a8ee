// A journal and locks in memory. As the browser's survive pages, these survive the engines of a test.

import type { DropRecord, Journal, JournalEntry, Locks, MemberRecord } from "../../src/upload/ports";

export class MemoryJournal implements Journal {
  readonly entries = new Map<string, JournalEntry>();
  readonly parts = new Map<string, Map<number, string>>();
  readonly records = new Map<string, DropRecord>();
  readonly changes = new Map<string, MemberRecord>();
  /** The number of records in each write. */
  readonly notes: number[] = [];
  broken = false;

  async find(fingerprint: string): Promise<JournalEntry | undefined> {
    this.#work();
    return [...this.entries.values()].find((entry) => entry.fingerprint === fingerprint);
  }

  async all(): Promise<JournalEntry[]> {
    this.#work();
    return [...this.entries.values()];
  }

  async add(entry: JournalEntry): Promise<void> {
    this.#work();
    this.entries.set(entry.id, structuredClone(entry));
  }

  async checksums(id: string): Promise<Map<number, string>> {
    this.#work();
    return new Map(this.parts.get(id));
  }

  async addChecksum(id: string, part: number, crc64nvme: string): Promise<void> {
    this.#work();
    const parts = this.parts.get(id) ?? new Map<number, string>();
    this.parts.set(id, parts.set(part, crc64nvme));
  }

  async remove(id: string): Promise<void> {
    this.#work();
    this.entries.delete(id);
    this.parts.delete(id);
  }

  async drops(): Promise<{ records: DropRecord[]; changes: MemberRecord[] }> {
    this.#work();
    return structuredClone({ records: [...this.records.values()], changes: [...this.changes.values()] });
  }

  async note(records: readonly DropRecord[], changes: readonly MemberRecord[]): Promise<void> {
    this.#work();
    this.notes.push(records.length + changes.length);
    for (const record of records) this.records.set(`${record.drop} ${record.first}`, structuredClone(record));
    for (const change of changes)
      this.changes.set(`${change.drop} ${change.member}`, structuredClone(change));
  }

  async removeDrop(key: string): Promise<void> {
    this.#work();
    for (const map of [this.records, this.changes])
      for (const name of map.keys()) if (name.startsWith(`${key} `)) map.delete(name);
  }

  #work(): void {
    if (this.broken) throw new DOMException("No space left", "QuotaExceededError");
  }
}

export class MemoryLocks implements Locks {
  readonly held = new Set<string>();

  async claim(name: string): Promise<(() => void) | undefined> {
    if (this.held.has(name)) return undefined;
    this.held.add(name);
    return () => void this.held.delete(name);
  }

  async isHeld(name: string): Promise<boolean> {
    return this.held.has(name);
  }
}

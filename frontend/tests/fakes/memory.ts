// A journal and locks in memory: what the browser's keep across pages and tabs, a test keeps across engines.
import type { Journal, JournalEntry } from "../../src/upload/journal";
import type { Locks } from "../../src/upload/locks";

export class MemoryJournal implements Journal {
  readonly entries = new Map<string, JournalEntry>();
  readonly parts = new Map<string, Map<number, string>>();
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

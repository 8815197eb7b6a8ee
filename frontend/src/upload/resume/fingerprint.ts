// What is remembered of unfinished uploads and drops, so that they go on after a reload, a crash or on another day.
// Types, and what makes a file recognisable. Must not know where it is kept: indexeddb-journal.ts, or a test's memory.

import type { Hasher } from "../browser/hasher";
import type { SourceFile } from "../settings";
import type { Member } from "./drop";

/** So many bytes at either end of a file are read to recognise it. */
const END = 64 * 1024;

export type JournalEntry = {
  /** The upload's id. */
  id: string;
  key: string;
  fingerprint: string;
  filename: string;
  size: number;
  part_size: number;
  part_count: number;
  /** Milliseconds since 1970. */
  began: number;
  /** When S3 drops the parts, as ISO 8601 text; absent where an older API did not say it. */
  parts_expire_at?: string;
  /** Where the browser can keep one: a way to the file without asking for it again. */
  handle?: FileSystemFileHandle;
  /** The idempotency key of the file, where it is a member of a drop. */
  member_key?: string;
};

/** Members of a drop that were added together, in the order of their numbers. */
export type DropRecord = {
  /** The drop's key. */
  drop: string;
  /** The number of the first of these members. */
  first: number;
  /** When the drop began: milliseconds since 1970. */
  began: number;
  members: Member[];
};

/** What became of one member of a drop. */
export type MemberRecord = {
  drop: string;
  member: number;
  /** The upload that was created for it. */
  id?: string;
  /** Whether it needs nothing more. */
  isSettled?: true;
};

export type Journal = {
  find(fingerprint: string): Promise<JournalEntry | undefined>;
  all(): Promise<JournalEntry[]>;
  add(entry: JournalEntry): Promise<void>;
  /** Part number to checksum, of the parts S3 has received. */
  checksums(id: string): Promise<Map<number, string>>;
  addChecksum(id: string, part: number, crc64nvme: string): Promise<void>;
  /** Forgets an upload and its checksums. */
  remove(id: string): Promise<void>;
  drops(): Promise<{ records: DropRecord[]; changes: MemberRecord[] }>;
  /** Adds members of drops, then what became of some; of one member the last change counts. */
  note(records: readonly DropRecord[], changes: readonly MemberRecord[]): Promise<void>;
  /** Forgets a drop with its members. */
  removeDrop(key: string): Promise<void>;
};

/** Tells a file that was picked again from every other: its name, size, time, and how it begins and ends. */
export async function fingerprintOf(file: SourceFile, hasher: Hasher, signal: AbortSignal): Promise<string> {
  const { name, data, lastModified = 0 } = file;
  const ends = new Blob([data.slice(0, END), data.slice(Math.max(0, data.size - END))]);
  return JSON.stringify([name, data.size, lastModified, await hasher(ends, signal)]);
}

// The ports of the engine: everything outside it that it uses, and the values that cross the border.
// The browser's adapters are in browser/, the tests' fakes in tests/fakes. The other two ports are `Api` (api/api.ts),
// which takes a `Fetch`, and `Clock` (clock.ts).
// Types only: this module must not contain code, nor import an adapter.

import type { CreatedUpload, Upload } from "./api/contract";

/** A file that a person picked. */
export type SourceFile = {
  name: string;
  /** The media type, as the browser reports it; may be empty. */
  type: string;
  data: Blob;
  /** Bytes, where they are known. Reading the size of a browser's file costs disk access each time. */
  size?: number;
  /** Milliseconds since 1970, from the file system. */
  lastModified?: number;
  /** Folders and name, `photos/2024/a.jpg`, where a person added a folder. */
  path?: string;
  /** Returns a handle by which a later page can open the file; undefined where the browser has none. */
  handle?: () => FileSystemFileHandle | undefined;
  /** The idempotency key: repeated creates with it make one upload, also after a reload. */
  key?: string;
};

/** Receives what happens to uploads as soon as the API has answered, so that a list can show it at once. */
export type Listener = {
  created?(upload: CreatedUpload, file: SourceFile): void;
  completed?(upload: Upload): void;
  removed?(id: string): void;
  /** The parts or the upload are gone from S3 or the API: the file is sent again from its first byte. */
  restarted?(file: SourceFile): void;
  /** A drop is resumed, and `count` of the files that the person added had arrived before. They are not sent again. */
  skipped?(count: number): void;
};

/** One request to S3: a PUT, or a form where `fields` are given. */
export type SendRequest = {
  url: string;
  body: Blob;
  /** Headers of a PUT. */
  headers?: Record<string, string>;
  /** Fields of a form. They come first; `body` follows in a form part called `file`. */
  fields?: Record<string, string>;
  signal: AbortSignal;
  /** Called with the bytes of `body` sent so far, whenever the browser reports progress. */
  onProgress: (sent: number) => void;
};

export type SendResponse = {
  status: number;
  text: string;
  /** The value of a header; null where it is absent or the browser hides it from the page (CORS). */
  header(name: string): string | null;
};

/**
 * Sends one request. Resolves with the response, whatever its status. Rejects with NetworkError when none came, and
 * with the signal's reason when aborted.
 */
export type Transport = (request: SendRequest) => Promise<SendResponse>;

/** Opens up to `count` connections to an origin. Never fails: without them, the first requests open their own. */
export type Preconnect = (origin: string, count: number) => void;

/**
 * Resolves with the CRC64NVME of the data in S3's form (base64). Rejects with ReadError when the data cannot be read,
 * and with the signal's reason when aborted.
 */
export type Hasher = (data: Blob, signal: AbortSignal) => Promise<string>;

/** Whether the browser believes that there is a network. It is a hint: requests may succeed all the same. */
export type Connectivity = {
  isOnline(): boolean;
  /** Resolves when the browser next reports the network as back; rejects with the signal's reason when aborted. */
  back(signal: AbortSignal): Promise<void>;
};

/** Names that one tab of this browser can hold at a time. Both methods may reject where the browser refuses locks. */
export type Locks = {
  /** Takes a name. Resolves with a function that releases it; with undefined when another tab holds it. */
  claim(name: string): Promise<(() => void) | undefined>;
  /** Resolves with true when any tab holds the name. */
  isHeld(name: string): Promise<boolean>;
};

/** What the journal keeps of an upload in parts. */
export type JournalEntry = {
  /** The upload's id. */
  id: string;
  key: string;
  fingerprint: string;
  filename: string;
  size: number;
  part_size: number;
  part_count: number;
  /** When the upload was created, in milliseconds since 1970. */
  began: number;
  /** When S3 drops the parts, as ISO 8601 text; absent where an older API did not send it. */
  parts_expire_at?: string;
  /** Opens the file again without a file picker, where the browser can store a handle. */
  handle?: FileSystemFileHandle;
  /** The idempotency key of the file, where it is a member of a drop. */
  member_key?: string;
};

/** A file of a drop, as it was when the person added it. */
export type Member = {
  /** Folders and name, `photos/2024/a.jpg`; the name alone where the file was picked by itself. */
  path: string;
  size: number;
  /** Milliseconds since 1970. */
  lastModified: number;
};

/** Members of a drop that were added together, in the order of their numbers. */
export type DropRecord = {
  /** The drop's key. */
  drop: string;
  /** The number of the first of these members. */
  first: number;
  /** When the drop was added, in milliseconds since 1970. */
  began: number;
  members: Member[];
};

/** A change to one member of a drop. */
export type MemberRecord = {
  drop: string;
  member: number;
  /** The upload that was created for it. */
  id?: string;
  /** Whether it needs nothing more. */
  isSettled?: true;
};

/**
 * Keeps unfinished uploads and drops across reloads and crashes. Every method may reject: a private window or a full
 * disk. The engine continues without the journal then, and the file cannot be resumed by a later page.
 */
export type Journal = {
  /** Resolves with the upload of the file with this fingerprint, if there is one. */
  find(fingerprint: string): Promise<JournalEntry | undefined>;
  /** Resolves with all uploads, in no particular order. */
  all(): Promise<JournalEntry[]>;
  /** Adds an upload, or replaces the one with its id. */
  add(entry: JournalEntry): Promise<void>;
  /** Resolves with the checksums of the parts that S3 has received, by part number. */
  checksums(id: string): Promise<Map<number, string>>;
  addChecksum(id: string, part: number, crc64nvme: string): Promise<void>;
  /** Removes an upload and its checksums; does nothing where there is none. */
  remove(id: string): Promise<void>;
  /** Resolves with all drops. */
  drops(): Promise<{ records: DropRecord[]; changes: MemberRecord[] }>;
  /** Adds members of drops, then changes to members. The last change to a member replaces the ones before. */
  note(records: readonly DropRecord[], changes: readonly MemberRecord[]): Promise<void>;
  /** Removes a drop with its members; does nothing where there is none. */
  removeDrop(key: string): Promise<void>;
};

// The shapes of the API's JSON, exactly as they are sent (snake_case, sizes in bytes, times as ISO 8601 text).
// Types only: this module must not contain code.

export type State = "uploading" | "uploaded" | "processing" | "accepted" | "rejected" | "failed" | "aborted";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type Limits = {
  max_size: number;
  allowed_types: string[];
  url_lifetime: number;
  max_parts: number;
  put_max_size?: number;
  max_in_progress?: number;
  /** The origins of S3, one for each host name of the bucket. */
  origins?: string[];
};

/**
 * Many signatures, one URL per host name. Part n uses `urls[(n - 1) % urls.length]`. With the signature in
 * `other_signatures[k - 1]` it may use `urls[(n - 1 + k) % urls.length]` too. Uploads of very many parts have no others.
 */
export type Sheet = {
  urls: string[];
  first: number;
  signatures: string[];
  other_signatures: string[][];
  expires_at: string;
  /** The exact headers of every PUT of this sheet. An older API does not send them. */
  headers?: Record<string, string>;
};

/** The form of strategy `post`: first all fields, unchanged, then the file, in a form part called `file`. */
export type PostSheet = { url: string; fields: Record<string, string>; expires_at: string };

export type SheetRequest = {
  first?: number;
  count?: number;
  /** S3 refused the former sheet: the API signs with new credentials. */
  refused?: true;
};

export type CreateRequest = {
  filename: string;
  size: number;
  content_type?: string;
  crc64nvme?: string;
  idempotency_key?: string;
  /** How a file of up to `put_max_size` bytes is sent. Larger files are always sent in parts. */
  strategy?: "put" | "post";
};

type Created = {
  id: string;
  key: string;
  state: State;
  part_size: number;
  part_count: number;
};

/** An upload whose file is sent in parts. */
export type PartsUpload = Created & {
  strategy: "multipart";
  /** When S3 drops the parts of an unfinished upload. An older API does not send it. */
  parts_expire_at?: string;
  sheet: Sheet;
};

/** An upload whose file is sent whole: by one PUT, or as a form. */
export type WholeUpload = Created &
  ({ strategy: "put"; sheet: Sheet } | { strategy: "post"; sheet: PostSheet });

export type CreatedUpload = PartsUpload | WholeUpload;

/** The result for one member of a batch. */
export type BatchResult = { upload: CreatedUpload } | { problem: Problem };

export type Upload = {
  id: string;
  filename: string;
  size: number;
  content_type: string | null;
  key: string;
  state: State;
  created_at: string;
  updated_at: string;
  report?: Json;
  reason?: string | null;
};

/** The result for one upload of `POST /uploads/complete`. */
export type CompleteResult = { upload: Upload } | { problem: Problem };

export type StoredPart = { number: number; size: number; etag: string; crc64nvme?: string };

export type PartList = { part_size: number; part_count: number; parts: StoredPart[] };

export type UploadPage = { uploads: Upload[]; cursor?: string | null };

export type Download = { url: string; expires_in: number };

/**
 * Whether the person receives emails. `pending`: they have not opened the link in the first mail yet. `stopped`: they
 * used the link in a mail that ends them, or did not confirm in time; they can choose again.
 */
export type Mailing = { address: string; state: "off" | "pending" | "on" | "stopped" };

/** RFC 9457, with further members for some codes. */
export type Problem = {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  /** With `parts_missing`: the part numbers. */
  missing?: number[];
  /** With `wrong_state`, when a create was repeated: the upload that the first create made. */
  id?: string;
  state?: State;
  /** Seconds. A member of a batch has it here, because it has no headers. */
  retry_after?: number;
};

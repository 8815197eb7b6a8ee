// The shapes of the API's JSON, exactly as they travel (snake_case, sizes in bytes, times as ISO 8601 text).
// Types only: this module must not contain code.

export type State = "uploading" | "uploaded" | "processing" | "accepted" | "rejected" | "failed" | "aborted";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type Limits = {
  /** The version of Hoist that answers. An older API does not send it. */
  version?: string;
  max_size: number;
  allowed_types: string[];
  url_lifetime: number;
  max_parts: number;
  put_max_size?: number;
  max_in_progress?: number;
  /** Where S3 is reached: scheme and host name, one for each name of the bucket. */
  origins?: string[];
};

/**
 * Many signatures, one URL per host name. Part n uses `urls[(n - 1) % urls.length]`; signed by
 * `other_signatures[k - 1]`, `urls[(n - 1 + k) % urls.length]` as well; uploads of very many parts have none.
 */
export type Sheet = {
  urls: string[];
  first: number;
  signatures: string[];
  other_signatures: string[][];
  expires_at: string;
  /** The headers of every PUT of this sheet, no more and no fewer. An older API does not send them. */
  headers?: Record<string, string>;
};

/** One form of strategy `post`: all fields are sent as they are, then the file, in a part called `file`. */
export type PostSheet = { url: string; fields: Record<string, string>; expires_at: string };

export type SheetRequest = {
  first?: number;
  count?: number;
  /** S3 refused the former sheet: the API signs with credentials that are newly made. */
  refused?: true;
};

export type CreateRequest = {
  filename: string;
  size: number;
  content_type?: string;
  crc64nvme?: string;
  idempotency_key?: string;
  /** How a file of up to `put_max_size` bytes is sent; larger ones are sent in parts whatever is asked for. */
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
  /** When S3 drops the parts of an unfinished upload. An older API does not say it. */
  parts_expire_at?: string;
  sheet: Sheet;
};

/** An upload whose file is sent whole: by one PUT, or as a form. */
export type WholeUpload = Created &
  ({ strategy: "put"; sheet: Sheet } | { strategy: "post"; sheet: PostSheet });

export type CreatedUpload = PartsUpload | WholeUpload;

/** What became of one member of a batch. */
export type BatchAnswer = { upload: CreatedUpload } | { problem: Problem };

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

/** One member of what `POST /uploads/complete` answers. */
export type CompletedMember = { upload: Upload } | { problem: Problem };

export type StoredPart = { number: number; size: number; etag: string; crc64nvme?: string };

export type PartList = { part_size: number; part_count: number; parts: StoredPart[] };

export type UploadPage = { uploads: Upload[]; cursor?: string | null };

export type Download = { url: string; expires_in: number };

/**
 * Whether the person is emailed; `pending` until they open the link in the first mail. `stopped` when a link in a mail
 * ended it, or nobody confirmed in time, until the person says what they want.
 */
export type Mailing = { address: string; state: "off" | "pending" | "on" | "stopped" };

/** RFC 9457, with more where the code asks for it. */
export type Problem = {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  /** Of `parts_missing`. */
  missing?: number[];
  /** Of `wrong_state`, where a create was repeated: the upload that it had made. */
  id?: string;
  state?: State;
  /** Seconds. Of a member of a batch, which has no headers. */
  retry_after?: number;
};

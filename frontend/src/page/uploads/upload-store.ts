// The uploads that the page knows: the model of the list. Responses and live messages arrive in any order, but an older
// state never overwrites a newer one. Must not know the DOM or the network.
import type { CreatedUpload, State, Upload } from "../../upload/api/contract";
import type { SourceFile } from "../../upload/ports";

export type Row = {
  upload: Upload;
  /** The states this page has seen, in order. */
  states: State[];
};

/** Where an update comes from: the response to a request, or a live message. */
export type Source = "response" | "live";

/** `isOutcome`: the upload has just got its outcome. */
export type Change = { kind: "updated"; row: Row; isOutcome: boolean } | { kind: "removed"; id: string };

const OUTCOMES: ReadonlySet<State> = new Set(["accepted", "rejected", "failed"]);

export class UploadStore {
  readonly #rows = new Map<string, Row>();
  readonly #removed = new Set<string>();
  readonly #onChange: (change: Change) => void;

  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#rows.size;
  }

  has(id: string): boolean {
    return this.#rows.has(id);
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** The uploads that have arrived and have no outcome yet. */
  pending(): Upload[] {
    const uploads = [...this.#rows.values()].map((row) => row.upload);
    return uploads.filter(({ state }) => state === "uploaded" || state === "processing");
  }

  /** Applies an update. An update that this page made itself, not the API, has an empty `updated_at`. */
  apply(update: Upload, source: Source): void {
    if (update.state === "aborted") this.remove(update.id);
    if (this.#removed.has(update.id)) return;
    const before = this.#rows.get(update.id);
    const upload = before ? merged(before.upload, update) : update;
    if (!upload) return;
    const last = before?.states.at(-1);
    const states = before?.states ?? [];
    if (last !== upload.state) states.push(upload.state);
    const row: Row = { upload, states };
    this.#rows.set(upload.id, row);
    const isNew = before ? last !== upload.state : source === "live";
    this.#onChange({ kind: "updated", row, isOutcome: isNew && OUTCOMES.has(upload.state) });
  }

  /** Forgets all uploads, but remembers which were removed. */
  clear(): void {
    for (const id of [...this.#rows.keys()]) {
      this.#rows.delete(id);
      this.#onChange({ kind: "removed", id });
    }
  }

  /** Removes an upload. Late messages about it are ignored. */
  remove(id: string): void {
    this.#removed.add(id);
    if (this.#rows.delete(id)) this.#onChange({ kind: "removed", id });
  }
}

/** A new upload as this page knows it. Its `updated_at` is empty, so that each update of the API is newer. */
export function newUpload({ id, key, state }: CreatedUpload, { name, type, data }: SourceFile): Upload {
  const created_at = new Date().toISOString();
  return { id, key, state, filename: name, size: data.size, content_type: type, created_at, updated_at: "" };
}

/**
 * Merges an update; undefined when it is older. Page and API may each be the first to know that S3 has a file. An update
 * without a time therefore replaces only the state `uploading`, and this state never returns.
 */
function merged(current: Upload, update: Upload): Upload | undefined {
  const isSent = current.state !== "uploading";
  if (update.updated_at === "") return isSent ? undefined : { ...current, state: update.state };
  if (compareTimes(update.updated_at, current.updated_at) < 0) return undefined;
  return isSent && update.state === "uploading" ? { ...update, state: current.state } : update;
}

/** Negative when time `a` is before `b`. Times are ISO 8601 in UTC; an empty time is before all others. */
export function compareTimes(a: string, b: string): number {
  const [first, second] = [sortable(a), sortable(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** A time with six digits of a second, so that times in UTC sort as texts. */
function sortable(time: string): string {
  const [, seconds = "", fraction = ""] = /^(.{19})(?:\.(\d+))?/.exec(time) ?? [];
  return seconds + fraction.padEnd(6, "0");
}

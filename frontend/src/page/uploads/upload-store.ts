// The uploads the page knows, newest first: the model behind the list. Answers, lists and live messages arrive in
// any order; a newer state is never overwritten by an older one. Must not know the DOM or the network.
import type { State, Upload } from "../../upload/api/contract";

export type Row = {
  upload: Upload;
  /** The states this page has seen, in order. */
  states: State[];
};

/** Where news come from: the API answered a request, or told us by itself. */
export type Source = "answer" | "live";

export type Change = { kind: "shown"; row: Row; outcome: boolean } | { kind: "gone"; id: string };

const OUTCOMES: ReadonlySet<State> = new Set(["accepted", "rejected", "failed"]);

export class Uploads {
  readonly #rows = new Map<string, Row>();
  readonly #gone = new Set<string>();
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

  /** The uploads whose outcome is still to come, though their bytes are there. */
  pending(): Upload[] {
    const uploads = [...this.#rows.values()].map((row) => row.upload);
    return uploads.filter(({ state }) => state === "uploaded" || state === "processing");
  }

  /** Takes in what is known about an upload now. What this page saw by itself, not from the API, has no time. */
  apply(news: Upload, source: Source): void {
    if (news.state === "aborted") this.remove(news.id);
    if (this.#gone.has(news.id)) return;
    const before = this.#rows.get(news.id);
    const upload = before ? merged(before.upload, news) : news;
    if (!upload) return;
    const last = before?.states.at(-1);
    const states = before?.states ?? [];
    if (last !== upload.state) states.push(upload.state);
    const row: Row = { upload, states };
    this.#rows.set(upload.id, row);
    const isNew = before ? last !== upload.state : source === "live";
    this.#onChange({ kind: "shown", row, outcome: isNew && OUTCOMES.has(upload.state) });
  }

  /** Knows nothing again, but what is no more. */
  forget(): void {
    for (const id of [...this.#rows.keys()]) {
      this.#rows.delete(id);
      this.#onChange({ kind: "gone", id });
    }
  }

  /** The upload is no more; late messages about it are not heard. */
  remove(id: string): void {
    this.#gone.add(id);
    if (this.#rows.delete(id)) this.#onChange({ kind: "gone", id });
  }
}

/**
 * The news over what is known; undefined where they are older. This page may know before the API that S3 has a file, and
 * the API may know more before this page does: what has no time counts against `uploading` alone, which never comes back.
 */
function merged(known: Upload, news: Upload): Upload | undefined {
  const isSent = known.state !== "uploading";
  if (news.updated_at === "") return isSent ? undefined : { ...known, state: news.state };
  if (compareTimes(news.updated_at, known.updated_at) < 0) return undefined;
  return isSent && news.state === "uploading" ? { ...news, state: known.state } : news;
}

/** Negative when time `a` is before `b`. ISO 8601 in UTC, to the microsecond; no time at all is before any. */
export function compareTimes(a: string, b: string): number {
  const [first, second] = [microseconds(a), microseconds(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function microseconds(time: string): bigint {
  const [, whole, fraction = "", zone] = /^(.{19})(?:\.(\d+))?(.*)$/.exec(time) ?? [];
  const milliseconds = whole === undefined ? Number.NaN : Date.parse(`${whole}${zone || "Z"}`);
  if (Number.isNaN(milliseconds)) return -1n;
  return BigInt(milliseconds) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}

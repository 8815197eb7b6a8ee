// The uploads the page knows, newest first: the model behind the list. Answers, lists and live messages arrive in
// any order; a newer state is never overwritten by an older one. Must not know the DOM or the network.
import type { State, Upload } from "../upload/contract";

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

  /** Takes in what is known about an upload now. */
  apply(upload: Upload, source: Source): void {
    if (upload.state === "aborted") this.remove(upload.id);
    if (this.#gone.has(upload.id)) return;
    const before = this.#rows.get(upload.id);
    if (before && compareTimes(upload.updated_at, before.upload.updated_at) < 0) return;
    const last = before?.states.at(-1);
    const states = before?.states ?? [];
    if (last !== upload.state) states.push(upload.state);
    const row: Row = { upload, states };
    this.#rows.set(upload.id, row);
    const news = before ? last !== upload.state : source === "live";
    this.#onChange({ kind: "shown", row, outcome: news && OUTCOMES.has(upload.state) });
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

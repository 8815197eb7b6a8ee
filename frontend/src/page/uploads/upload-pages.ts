// Reads the caller's uploads page by page into the model, and again after the line was down, so that nothing
// stays unseen. Must not know the DOM.
import type { Api } from "../../upload/api/api";
import type { State } from "../../upload/api/contract";
import { ApiError } from "../../upload/errors";
import type { Uploads } from "./upload-store";

/** How many pages are read to close a gap after the line was down. */
const MOST_PAGES = 20;

export class Listing {
  readonly #api: Pick<Api, "list" | "get">;
  readonly #uploads: Uploads;
  #cursor: string | undefined;
  #read = false;
  #state: State | undefined;
  /** Grows when other uploads are wanted: what was asked for before is not heard. */
  #turn = 0;

  constructor(api: Pick<Api, "list" | "get">, uploads: Uploads) {
    this.#api = api;
    this.#uploads = uploads;
  }

  get hasMore(): boolean {
    return this.#cursor !== undefined;
  }

  /** From now on only uploads in this state, or all of them. */
  async filter(state: State | undefined): Promise<void> {
    this.#turn++;
    this.#state = state;
    this.#cursor = undefined;
    this.#read = false;
    this.#uploads.forget();
    await this.refresh();
  }

  /** Reads from the newest back to what is known, then asks after what had no outcome yet. */
  async refresh(): Promise<void> {
    const turn = this.#turn;
    const seen = new Set<string>();
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const known = await this.#page(cursor, seen);
      if (turn !== this.#turn) return;
      cursor = known.cursor;
      if (!this.#read) this.#cursor = cursor;
      if (!this.#read || known.met || cursor === undefined) break;
    }
    this.#read = true;
    const unseen = this.#uploads.pending().filter(({ id }) => !seen.has(id));
    await Promise.all(unseen.map(({ id }) => this.#ask(id)));
  }

  async more(): Promise<void> {
    const turn = this.#turn;
    const { cursor } = await this.#page(this.#cursor, new Set());
    if (turn === this.#turn) this.#cursor = cursor;
  }

  async #page(
    cursor: string | undefined,
    seen: Set<string>,
  ): Promise<{ cursor: string | undefined; met: boolean }> {
    const turn = this.#turn;
    const query = { ...(this.#state && { state: this.#state }), ...(cursor !== undefined && { cursor }) };
    const page = await this.#api.list(query);
    if (turn !== this.#turn) return { cursor: undefined, met: true };
    const met = page.uploads.some(({ id }) => this.#uploads.has(id));
    for (const upload of page.uploads) {
      seen.add(upload.id);
      this.#uploads.apply(upload, "answer");
    }
    return { cursor: page.cursor ?? undefined, met };
  }

  async #ask(id: string): Promise<void> {
    try {
      this.#uploads.apply(await this.#api.get(id), "answer");
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      this.#uploads.remove(id);
    }
  }
}

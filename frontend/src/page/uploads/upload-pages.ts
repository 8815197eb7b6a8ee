// Reads the owner's uploads page by page into the store, and reads them again after live updates were interrupted.
// Must not know the DOM.
import type { Api } from "../../upload/api/api";
import type { State } from "../../upload/api/contract";
import { ApiError } from "../../upload/errors";
import type { UploadStore } from "./upload-store";

/** Pages that are read at most to find the uploads that were missed. */
const MOST_PAGES = 20;

export class UploadPages {
  readonly #api: Pick<Api, "list" | "get">;
  readonly #store: UploadStore;
  #cursor: string | undefined;
  #isFirst = true;
  #state: State | undefined;
  /** Counts changes of the filter. Responses to requests before a change are ignored. */
  #filterChanges = 0;

  constructor(api: Pick<Api, "list" | "get">, store: UploadStore) {
    this.#api = api;
    this.#store = store;
  }

  get hasMore(): boolean {
    return this.#cursor !== undefined;
  }

  /** Reads only uploads in this state from now on, or all uploads. */
  async filter(state: State | undefined): Promise<void> {
    this.#filterChanges++;
    this.#state = state;
    this.#cursor = undefined;
    this.#isFirst = true;
    this.#store.clear();
    await this.refresh();
  }

  /** Reads from the newest upload back to a known one, then reads each upload that still has no outcome. */
  async refresh(): Promise<void> {
    const changes = this.#filterChanges;
    const listed = new Set<string>();
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#page(cursor, listed);
      if (changes !== this.#filterChanges) return;
      cursor = page.cursor;
      if (this.#isFirst) this.#cursor = cursor;
      if (this.#isFirst || page.isKnown || cursor === undefined) break;
    }
    this.#isFirst = false;
    const unlisted = this.#store.pending().filter(({ id }) => !listed.has(id));
    await Promise.all(unlisted.map(({ id }) => this.#readOne(id)));
  }

  async more(): Promise<void> {
    const changes = this.#filterChanges;
    const { cursor } = await this.#page(this.#cursor, new Set());
    if (changes === this.#filterChanges) this.#cursor = cursor;
  }

  /** Reads one page and adds its ids to `listed`. `isKnown`: the page has an upload that the store knew. */
  async #page(
    cursor: string | undefined,
    listed: Set<string>,
  ): Promise<{ cursor: string | undefined; isKnown: boolean }> {
    const changes = this.#filterChanges;
    const query: { state?: State; cursor?: string } = {};
    if (this.#state) query.state = this.#state;
    if (cursor !== undefined) query.cursor = cursor;
    const page = await this.#api.list(query);
    if (changes !== this.#filterChanges) return { cursor: undefined, isKnown: true };
    const isKnown = page.uploads.some(({ id }) => this.#store.has(id));
    for (const upload of page.uploads) {
      listed.add(upload.id);
      this.#store.apply(upload, "response");
    }
    return { cursor: page.cursor ?? undefined, isKnown };
  }

  async #readOne(id: string): Promise<void> {
    try {
      this.#store.apply(await this.#api.get(id), "response");
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      this.#store.remove(id);
    }
  }
}

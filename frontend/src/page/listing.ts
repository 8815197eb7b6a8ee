// Reads the caller's uploads page by page into the model, and again after the line was down, so that nothing
// stays unseen. Must not know the DOM.
import type { Api } from "../upload/api";
import { ApiError } from "../upload/errors";
import type { Uploads } from "./uploads";

/** How many pages are read to close a gap after the line was down. */
const MOST_PAGES = 20;

export class Listing {
  readonly #api: Pick<Api, "list" | "get">;
  readonly #uploads: Uploads;
  #cursor: string | undefined;
  #read = false;

  constructor(api: Pick<Api, "list" | "get">, uploads: Uploads) {
    this.#api = api;
    this.#uploads = uploads;
  }

  get hasMore(): boolean {
    return this.#cursor !== undefined;
  }

  /** Reads from the newest back to what is known, then asks after what had no outcome yet. */
  async refresh(): Promise<void> {
    const seen = new Set<string>();
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const known = await this.#page(cursor, seen);
      cursor = known.cursor;
      if (!this.#read) this.#cursor = cursor;
      if (!this.#read || known.met || cursor === undefined) break;
    }
    this.#read = true;
    const unseen = this.#uploads.pending().filter(({ id }) => !seen.has(id));
    await Promise.all(unseen.map(({ id }) => this.#ask(id)));
  }

  async more(): Promise<void> {
    this.#cursor = (await this.#page(this.#cursor, new Set())).cursor;
  }

  async #page(
    cursor: string | undefined,
    seen: Set<string>,
  ): Promise<{ cursor: string | undefined; met: boolean }> {
    const page = await this.#api.list(cursor === undefined ? {} : { cursor });
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

// The list "My uploads": its rows from new to old, a line when it is empty or cannot be read, and the button "Show more".
// Shows changes in short tasks, because a page of results makes a hundred rows. Shows the newest of thousands of uploads,
// and older ones when the person asks for more.
// Must not know the API: its buttons call the actions that it gets.
import type { State } from "../../upload/api/contract";
import { inSlices, nextTask } from "../../upload/tasks";
import { button, element, errorLine } from "../elements";
import { strings } from "../strings";
import { ListHead } from "./list-head";
import { type RowActions, type UploadProgress, UploadRow } from "./upload-row";
import { type Change, compareTimes, type Row } from "./upload-store";

export type ListActions = RowActions & {
  more: () => void;
  retry: () => void;
  filter: (state: State | undefined) => void;
};

/** Rows at first, and rows that "Show more" adds: browsers need time to lay out each row. */
const STEP = 200;

export class UploadList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "uploads", "data-testid": "uploads" });
  readonly #empty = element("p", { class: "empty" }, strings.uploads.loading);
  readonly #problem = element("div");
  readonly #head: ListHead;
  readonly #more: HTMLButtonElement;
  readonly #rows = new Map<string, UploadRow>();
  readonly #actions: ListActions;
  /** The changes that are still to be shown, oldest first. */
  readonly #changes: Change[] = [];
  /** Uploads that are older than all rows. */
  readonly #older = new Map<string, Row>();
  #most = STEP;
  /** Whether the API has more uploads. */
  #hasMore = false;
  #state: State | undefined;

  constructor(actions: ListActions, notify: HTMLElement, mailing: HTMLElement) {
    this.#actions = actions;
    this.#head = new ListHead(notify, (state) => this.#filter(state));
    const onclick = () => this.#showMore();
    this.#more = button("button more", strings.uploads.more, {
      "data-testid": "more",
      hidden: true,
      onclick,
    });
    this.element = element("section", { class: "card", "aria-labelledby": "uploads-title" });
    this.element.append(this.#head.element, mailing, this.#problem, this.#empty, this.#list, this.#more);
  }

  show(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length === 1) void this.#showChanges();
  }

  /** Shows the progress of an upload, if it has a row. */
  showProgress(id: string, progress: UploadProgress): void {
    this.#rows.get(id)?.showProgress(progress);
  }

  /** The list has been read from the API, which has more uploads if `hasMore`. */
  showLoaded(hasMore: boolean): void {
    this.#problem.replaceChildren();
    this.#empty.textContent = this.#state ? strings.uploads.noneInState : strings.uploads.empty;
    this.#empty.hidden = this.#hasRows();
    this.#hasMore = hasMore;
    this.#updateMore();
  }

  showError(text: string): void {
    this.#problem.replaceChildren(errorLine(text, strings.errors.retry, this.#actions.retry));
    this.#empty.hidden = true;
  }

  /** Shows whether live updates arrive. */
  showLive(isLive: boolean): void {
    this.element.dataset.live = String(isLive);
    this.#head.showLive(isLive);
  }

  async #showChanges(): Promise<void> {
    while (this.#changes.length > 0) {
      await nextTask();
      const changes = [...this.#changes];
      await inSlices(changes, (slice) => {
        for (const change of slice) this.#apply(change);
      });
      this.#changes.splice(0, changes.length);
      this.#empty.hidden = this.#hasRows();
    }
  }

  #apply(change: Change): void {
    if (change.kind === "removed") this.#remove(change.id);
    else if (this.#isOlder(change.row)) this.#older.set(change.row.upload.id, change.row);
    else this.#showRow(change.row);
    this.#updateMore();
  }

  #showRow(row: Row): void {
    const { id } = row.upload;
    const node = this.#rows.get(id) ?? new UploadRow(row, this.#actions);
    this.#rows.set(id, node);
    node.update(row);
    node.element.hidden = this.#state !== undefined && node.upload.state !== this.#state;
    this.#place(node);
    if (this.#rows.size > this.#most) this.#takeOut(this.#last);
  }

  get #last(): UploadRow | undefined {
    return this.#rowOf(this.#list.lastElementChild);
  }

  #rowOf(node: Element | null): UploadRow | undefined {
    return node instanceof HTMLElement ? this.#rows.get(node.dataset.id ?? "") : undefined;
  }

  /** Whether an upload is too old for the rows that may be shown. */
  #isOlder({ upload }: Row): boolean {
    const last = this.#last;
    if (this.#rows.has(upload.id) || this.#rows.size < this.#most || !last) return false;
    return compareTimes(upload.created_at, last.upload.created_at) < 0;
  }

  /** Takes out the oldest row, unless it has the focus. */
  #takeOut(row: UploadRow | undefined): void {
    if (!row || row.element.contains(document.activeElement)) return;
    this.#older.set(row.upload.id, row.row);
    this.#rows.delete(row.upload.id);
    row.element.remove();
  }

  #showMore(): void {
    this.#most += STEP;
    if (this.#older.size === 0) this.#actions.more();
    const older = [...this.#older.values()].sort((a, b) =>
      compareTimes(b.upload.created_at, a.upload.created_at),
    );
    for (const row of older.slice(0, STEP)) {
      this.#older.delete(row.upload.id);
      this.show({ kind: "updated", row, isOutcome: false });
    }
  }

  #updateMore(): void {
    this.#more.hidden = !this.#hasMore && this.#older.size === 0;
  }

  #filter(state: State | undefined): void {
    this.#state = state;
    this.#most = STEP;
    this.#empty.textContent = strings.uploads.loading;
    this.#actions.filter(state);
  }

  #hasRows(): boolean {
    return this.#changes.length > 0 || this.#list.querySelector(":scope > :not([hidden])") !== null;
  }

  /** Removes a row. If it had the focus, its neighbour gets the focus. */
  #remove(id: string): void {
    const row = this.#rows.get(id)?.element;
    this.#rows.delete(id);
    this.#older.delete(id);
    if (row?.contains(document.activeElement)) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      const neighbour = next?.querySelector<HTMLElement>("button:not([hidden])");
      if (neighbour) neighbour.focus();
      else this.#head.focus();
    }
    row?.remove();
  }

  /** Puts a row in its place, newest first. A row that is in its place is not moved, so that it keeps the focus. */
  #place(row: UploadRow): void {
    const isOlder = (node: Element | null) => {
      const other = this.#rowOf(node);
      return other !== undefined && compareTimes(other.upload.created_at, row.upload.created_at) < 0;
    };
    const { previousElementSibling: before, nextElementSibling: after, isConnected } = row.element;
    if (isConnected && !isOlder(before) && (!after || isOlder(after))) return;
    row.element.remove();
    let next: Element | null = null;
    if (isOlder(this.#list.lastElementChild)) {
      next = this.#list.firstElementChild;
      while (next && !isOlder(next)) next = next.nextElementSibling;
    }
    this.#list.insertBefore(row.element, next);
  }
}

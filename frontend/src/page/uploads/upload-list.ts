// "My uploads": the rows in order, the empty and error lines, and the button for more. Changes are shown in short tasks:
// a batch makes a hundred rows at once. Of thousands of uploads the newest are shown, the others when they are asked for.
// Must not know the API: what it shows and what its buttons do is passed in.
import type { State } from "../../upload/api/contract";
import { inSlices, nextTask } from "../../upload/tasks";
import { element, errorLine } from "../elements";
import { strings } from "../strings";
import { ListHead } from "./list-head";
import { type Going, type RowActions, UploadRow } from "./upload-row";
import { type Change, compareTimes, type Row } from "./upload-store";

export type ListActions = RowActions & {
  more: () => void;
  retry: () => void;
  filter: (state: State | undefined) => void;
};

/** So many rows are shown at first, and so many more each time they are asked for: browsers lay out all that are there. */
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
  /** What is still to be shown, oldest first. */
  readonly #changes: Change[] = [];
  /** Uploads that are older than all that are shown. */
  readonly #held = new Map<string, Row>();
  #most = STEP;
  /** Whether the API has older ones. */
  #hasMore = false;
  #state: State | undefined;

  constructor(actions: ListActions, notify: HTMLElement, mailing: HTMLElement) {
    this.#actions = actions;
    this.#head = new ListHead(notify, (state) => this.#filter(state));
    this.#more = element(
      "button",
      {
        ...{ type: "button", class: "button more", "data-testid": "more", hidden: true },
        onclick: () => this.#showMore(),
      },
      strings.uploads.more,
    );
    this.element = element("section", { class: "card", "aria-labelledby": "uploads-title" });
    this.element.append(this.#head.element, mailing, this.#problem, this.#empty, this.#list, this.#more);
  }

  show(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length === 1) void this.#showChanges();
  }

  async #showChanges(): Promise<void> {
    while (this.#changes.length > 0) {
      await nextTask();
      const changes = [...this.#changes];
      await inSlices(changes, (slice) => {
        for (const change of slice) this.#apply(change);
      });
      this.#changes.splice(0, changes.length);
      this.#empty.hidden = this.#isShowing();
    }
  }

  #apply(change: Change): void {
    if (change.kind === "gone") this.#drop(change.id);
    else if (this.#isBeyond(change.row)) this.#held.set(change.row.upload.id, change.row);
    else this.#showRow(change.row);
    this.#more.hidden = !this.#hasMore && this.#held.size === 0;
  }

  #showRow(shown: Row): void {
    const { id } = shown.upload;
    const row = this.#rows.get(id) ?? new UploadRow(shown, this.#actions);
    this.#rows.set(id, row);
    row.update(shown);
    row.element.hidden = this.#state !== undefined && row.upload.state !== this.#state;
    this.#place(row);
    if (this.#rows.size > this.#most) this.#hold(this.#last);
  }

  get #last(): UploadRow | undefined {
    return this.#rows.get((this.#list.lastElementChild as HTMLElement | null)?.dataset.id ?? "");
  }

  #isBeyond({ upload }: Row): boolean {
    const last = this.#last;
    if (this.#rows.has(upload.id) || this.#rows.size < this.#most || !last) return false;
    return compareTimes(upload.created_at, last.upload.created_at) < 0;
  }

  /** Whoever is at the row keeps it. */
  #hold(row: UploadRow | undefined): void {
    if (!row || row.element.contains(document.activeElement)) return;
    this.#held.set(row.upload.id, row.row);
    this.#rows.delete(row.upload.id);
    row.element.remove();
  }

  #showMore(): void {
    this.#most += STEP;
    if (this.#held.size === 0) this.#actions.more();
    const held = [...this.#held.values()].sort((a, b) =>
      compareTimes(b.upload.created_at, a.upload.created_at),
    );
    for (const row of held.slice(0, STEP)) {
      this.#held.delete(row.upload.id);
      this.show({ kind: "shown", row, outcome: false });
    }
  }

  /** How an upload of this page goes; one that is not listed is not shown. */
  going(id: string, going: Going): void {
    this.#rows.get(id)?.going(going);
  }

  /** The list has been read from the API; `more` says whether it goes on. */
  loaded(more: boolean): void {
    this.#problem.replaceChildren();
    this.#empty.textContent = this.#state ? strings.uploads.none_in_state : strings.uploads.empty;
    this.#empty.hidden = this.#isShowing();
    this.#hasMore = more;
    this.#more.hidden = !more && this.#held.size === 0;
  }

  failed(text: string): void {
    this.#problem.replaceChildren(errorLine(text, strings.errors.retry, this.#actions.retry));
    this.#empty.hidden = true;
  }

  /** Whether news arrive by themselves now. */
  live(on: boolean): void {
    this.element.dataset.live = String(on);
    this.#head.live(on);
  }

  #filter(state: State | undefined): void {
    this.#state = state;
    this.#most = STEP;
    this.#empty.textContent = strings.uploads.loading;
    this.#actions.filter(state);
  }

  #isShowing(): boolean {
    return this.#changes.length > 0 || this.#list.querySelector(":scope > :not([hidden])") !== null;
  }

  /** Whoever was at the row goes on at the next one. */
  #drop(id: string): void {
    const row = this.#rows.get(id)?.element;
    this.#rows.delete(id);
    this.#held.delete(id);
    if (row?.contains(document.activeElement)) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      const button = next?.querySelector<HTMLElement>("button:not([hidden])");
      if (button) button.focus();
      else this.#head.focus();
    }
    row?.remove();
  }

  /** Newest first. A row that stands right already is not touched, so that it keeps the focus. */
  #place(row: UploadRow): void {
    const older = (node: Element | null) => {
      const other = this.#rows.get((node as HTMLElement | null)?.dataset.id ?? "");
      return other !== undefined && compareTimes(other.upload.created_at, row.upload.created_at) < 0;
    };
    const { previousElementSibling: before, nextElementSibling: after, isConnected } = row.element;
    if (isConnected && (!before || !older(before)) && (!after || older(after))) return;
    row.element.remove();
    let next: Element | null = null;
    if (older(this.#list.lastElementChild)) {
      next = this.#list.firstElementChild;
      while (next && !older(next)) next = next.nextElementSibling;
    }
    this.#list.insertBefore(row.element, next);
  }
}

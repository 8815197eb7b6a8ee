// "My uploads": the rows in order, the empty and error lines, and the button for more.
// Must not know the API: what it shows and what its buttons do is passed in.
import type { State } from "../upload/contract";
import { element, errorLine } from "./elements";
import { ListHead } from "./list-head";
import { strings } from "./strings";
import { type Going, type RowActions, UploadRow } from "./upload-row";
import { type Change, compareTimes } from "./uploads";

export type ListActions = RowActions & {
  more: () => void;
  retry: () => void;
  filter: (state: State | undefined) => void;
};

export class UploadList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "uploads", "data-testid": "uploads" });
  readonly #empty = element("p", { class: "empty" }, strings.uploads.loading);
  readonly #problem = element("div");
  readonly #head: ListHead;
  readonly #more: HTMLButtonElement;
  readonly #rows = new Map<string, UploadRow>();
  readonly #actions: ListActions;
  #state: State | undefined;

  constructor(actions: ListActions, notify: HTMLElement, mailing: HTMLElement) {
    this.#actions = actions;
    this.#head = new ListHead(notify, (state) => this.#filter(state));
    this.#more = element(
      "button",
      { type: "button", class: "button more", "data-testid": "more", hidden: true, onclick: actions.more },
      strings.uploads.more,
    );
    this.element = element("section", { class: "card", "aria-labelledby": "uploads-title" });
    this.element.append(this.#head.element, mailing, this.#problem, this.#empty, this.#list, this.#more);
  }

  show(change: Change): void {
    if (change.kind === "gone") this.#drop(change.id);
    else {
      const id = change.row.upload.id;
      const row = this.#rows.get(id) ?? new UploadRow(change.row, this.#actions);
      this.#rows.set(id, row);
      row.update(change.row);
      row.element.hidden = this.#state !== undefined && row.upload.state !== this.#state;
      this.#place(row);
    }
    this.#empty.hidden = this.#isShowing();
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
    this.#more.hidden = !more;
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
    this.#empty.textContent = strings.uploads.loading;
    this.#actions.filter(state);
  }

  #isShowing(): boolean {
    return this.#list.querySelector(":scope > :not([hidden])") !== null;
  }

  /** Whoever was at the row goes on at the next one. */
  #drop(id: string): void {
    const row = this.#rows.get(id)?.element;
    this.#rows.delete(id);
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

// "My uploads": the rows in order, the empty and error lines, and the button for more.
// Must not know the API: what it shows and what its buttons do is passed in.
import { element, errorLine } from "./elements";
import { strings } from "./strings";
import { type RowActions, UploadRow } from "./upload-row";
import { type Change, compareTimes } from "./uploads";

export type ListActions = RowActions & { more: () => void; retry: () => void };

export class UploadList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "uploads", "data-testid": "uploads" });
  readonly #empty = element("p", { class: "empty" }, strings.uploads.loading);
  readonly #problem = element("div");
  readonly #offline = element("span", { class: "muted offline", "data-testid": "offline", hidden: true });
  readonly #more: HTMLButtonElement;
  readonly #rows = new Map<string, UploadRow>();
  readonly #actions: ListActions;

  constructor(actions: ListActions) {
    this.#actions = actions;
    this.#offline.append(strings.uploads.offline);
    this.#more = element(
      "button",
      { type: "button", class: "button more", "data-testid": "more", hidden: true, onclick: actions.more },
      strings.uploads.more,
    );
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "uploads-title" },
      element(
        "div",
        { class: "card-head" },
        element("h2", { id: "uploads-title" }, strings.uploads.title),
        this.#offline,
      ),
      this.#problem,
      this.#empty,
      this.#list,
      this.#more,
    );
  }

  show(change: Change): void {
    if (change.kind === "gone") this.#drop(change.id);
    else {
      const id = change.row.upload.id;
      const row = this.#rows.get(id) ?? new UploadRow(change.row, this.#actions);
      this.#rows.set(id, row);
      row.update(change.row);
      this.#place(row);
    }
    this.#empty.hidden = this.#rows.size > 0;
  }

  /** The list has been read from the API; `more` says whether it goes on. */
  loaded(more: boolean): void {
    this.#problem.replaceChildren();
    this.#empty.textContent = strings.uploads.empty;
    this.#empty.hidden = this.#rows.size > 0;
    this.#more.hidden = !more;
  }

  failed(text: string): void {
    this.#problem.replaceChildren(errorLine(text, strings.errors.retry, this.#actions.retry));
    this.#empty.hidden = true;
  }

  /** Whether news arrive by themselves now. */
  live(on: boolean): void {
    this.element.dataset.live = String(on);
    this.#offline.hidden = on;
  }

  #drop(id: string): void {
    this.#rows.get(id)?.element.remove();
    this.#rows.delete(id);
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
    const last = this.#list.lastElementChild;
    const isLast = last !== null && !older(last);
    const next = isLast ? undefined : [...this.#list.children].find(older);
    this.#list.insertBefore(row.element, next ?? null);
  }
}

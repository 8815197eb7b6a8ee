// The card "Unfinished uploads": files that an earlier page sent in part, and drops with missing files. Each row has a
// button to resume. One click is enough where the browser kept a handle of the file; otherwise the person chooses it
// again. Hidden when it is empty.
// Must not know how files are sent: its buttons call the actions that it gets.
import type { Unfinished, UnfinishedDrop, UnfinishedFile } from "../../upload/resume/unfinished";
import { button, element } from "../elements";
import { formatSize, formatTime } from "../formats";
import { hasPicker } from "../picker/file-handles";
import { strings } from "../strings";

export type UnfinishedListActions = {
  /** Resumes a file with its handle, or with the file that the person picks. */
  resume: (entry: UnfinishedFile) => void;
  /** Resumes a file with one that the person chose in this list. */
  resumeWith: (entry: UnfinishedFile, file: File) => void;
  discard: (entry: UnfinishedFile) => void;
  /** Resumes a drop with the folder or the files that the person chose. */
  resumeDrop: (drop: UnfinishedDrop, files: File[]) => void;
  discardDrop: (drop: UnfinishedDrop) => void;
};

const words = strings.unfinished;

export class UnfinishedList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "uploads" });
  readonly #actions: UnfinishedListActions;

  constructor(actions: UnfinishedListActions) {
    this.#actions = actions;
    const attributes = {
      class: "card unfinished",
      "aria-labelledby": "unfinished-title",
      "data-testid": "unfinished",
      hidden: true,
    };
    const head = element(
      "div",
      { class: "card-head" },
      element("h2", { id: "unfinished-title" }, words.title),
    );
    this.element = element(
      "section",
      attributes,
      head,
      element("p", { class: "muted" }, words.lead),
      this.#list,
    );
  }

  show({ files, drops }: Unfinished): void {
    const rows = [
      ...drops.map((drop) => ({ began: drop.began, row: this.#dropRow(drop) })),
      ...files.map((entry) => ({ began: entry.began, row: this.#fileRow(entry) })),
    ];
    this.element.hidden = rows.length === 0;
    this.#list.replaceChildren(...rows.sort((a, b) => b.began - a.began).map(({ row }) => row));
  }

  get isVisible(): boolean {
    return !this.element.hidden;
  }

  #fileRow(entry: UnfinishedFile): HTMLElement {
    const { id, filename, size, sent, began } = entry;
    const facts = [strings.uploads.sent(formatSize(sent), formatSize(size)), startText(began)];
    if (entry.parts_expire_at) facts.push(deadlineText(entry.parts_expire_at, Date.now()));
    const discard = discardButton(filename, () => this.#actions.discard(entry));
    const node = row("unfinished-file", filename, facts, this.#resumeButton(entry), discard);
    node.dataset.id = id;
    return node;
  }

  #dropRow(drop: UnfinishedDrop): HTMLElement {
    const { size, sent, began, missing, count, files } = drop;
    const name = nameOf(drop);
    const facts = [
      words.missing(missing.length, count),
      sent > 0 ? strings.uploads.sent(formatSize(sent), formatSize(size)) : formatSize(size),
      startText(began),
    ];
    const [first] = files.flatMap(({ parts_expire_at }) => parts_expire_at ?? []).sort();
    if (first !== undefined) facts.push(deadlineText(first, Date.now()));
    const discard = discardButton(name, () => this.#actions.discardDrop(drop));
    return row("unfinished-drop", name, facts, this.#chooseButton(drop, name), discard);
  }

  #resumeButton(entry: UnfinishedFile): HTMLElement {
    const { handle, filename } = entry;
    if (handle || hasPicker()) {
      const text = handle ? words.resume : words.choose;
      return resumeButton(text, filename, () => this.#actions.resume(entry));
    }
    return chooser(words.choose, filename, {}, ([file]) => {
      if (file) this.#actions.resumeWith(entry, file);
    });
  }

  #chooseButton(drop: UnfinishedDrop, name: string): HTMLElement {
    const onChosen = (files: File[]) => this.#actions.resumeDrop(drop, files);
    if (drop.folder) return chooser(words.chooseFolder, name, { webkitdirectory: true }, onChosen);
    const text = drop.missing.length === 1 ? words.choose : words.chooseFiles;
    return chooser(text, name, { multiple: true }, onChosen);
  }
}

/** The name of a drop for a person: its folder, or its missing files. */
export function nameOf({ folder, filename, missing }: UnfinishedDrop): string {
  return folder || words.files(filename, missing.length - 1);
}

function startText(start: number): string {
  return words.started(formatTime(new Date(start).toISOString()));
}

/** Says until when the parts are kept. S3 deletes them at the deadline or some time after it. */
export function deadlineText(deadline: string, now: number): string {
  const time = formatTime(deadline);
  return Date.parse(deadline) > now ? strings.uploads.resumeBefore(time) : words.expired(time);
}

function resumeButton(text: string, name: string, onclick: () => void): HTMLButtonElement {
  const label = strings.buttonFor(text, name);
  return button("button", text, { "aria-label": label, "data-testid": "resume", onclick });
}

function discardButton(name: string, onclick: () => void): HTMLButtonElement {
  const label = strings.buttonFor(words.discard, name);
  return button("button quiet", words.discard, { "aria-label": label, "data-testid": "discard", onclick });
}

function row(testid: string, name: string, facts: string[], ...buttons: HTMLElement[]): HTMLElement {
  return element(
    "li",
    { class: "upload", "data-testid": testid },
    element(
      "div",
      { class: "summary" },
      element("span", { class: "name", title: name }, name),
      element("span", { class: "meta" }, facts.join(" · ")),
    ),
    element("div", { class: "buttons" }, ...buttons),
  );
}

/** A button that opens the browser's file dialog. */
function chooser(
  text: string,
  name: string,
  kind: { webkitdirectory?: true; multiple?: true },
  onChosen: (files: File[]) => void,
): HTMLElement {
  const input = element("input", { type: "file", hidden: true, ...kind });
  input.addEventListener("change", () => {
    onChosen([...(input.files ?? [])]);
    input.value = ""; // or choosing the same file again would be no change
  });
  const open = resumeButton(text, name, () => input.click());
  return element("span", {}, open, input);
}

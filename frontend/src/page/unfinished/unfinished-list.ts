// "Not finished yet": files that earlier pages left half sent and drops of which files are missing, with a way to go on.
// Where the browser kept a way to the file one click does; elsewhere the person chooses again. Hidden when there is
// nothing.
// Must not know how files are sent: what its buttons do is passed in.
import type { Unfinished, UnfinishedDrop, UnfinishedFile } from "../../upload/resume/unfinished";
import { element } from "../elements";
import { formatSize, formatTime } from "../formats";
import { hasPicker } from "../picker/file-handles";
import { strings } from "../strings";

export type UnfinishedActions = {
  /** Goes on by the way that was kept, or with what the person picks. */
  goOn: (entry: UnfinishedFile) => void;
  /** Goes on with the file the person chose in this page. */
  chosen: (entry: UnfinishedFile, file: File) => void;
  giveUp: (entry: UnfinishedFile) => void;
  /** Goes on with the folder or the files that the person chose. */
  chosenAgain: (drop: UnfinishedDrop, files: File[]) => void;
  giveUpDrop: (drop: UnfinishedDrop) => void;
};

const words = strings.unfinished;

export class UnfinishedList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "uploads" });
  readonly #actions: UnfinishedActions;

  constructor(actions: UnfinishedActions) {
    this.#actions = actions;
    this.element = element(
      "section",
      {
        class: "card unfinished",
        "aria-labelledby": "unfinished-title",
        "data-testid": "unfinished",
        hidden: true,
      },
      element("div", { class: "card-head" }, element("h2", { id: "unfinished-title" }, words.title)),
      element("p", { class: "lead" }, words.lead),
      this.#list,
    );
  }

  show({ files, drops }: Unfinished): void {
    const rows = [
      ...drops.map((drop) => ({ began: drop.began, row: this.#dropRow(drop) })),
      ...files.map((entry) => ({ began: entry.began, row: this.#row(entry) })),
    ];
    this.element.hidden = rows.length === 0;
    this.#list.replaceChildren(...rows.sort((a, b) => b.began - a.began).map(({ row }) => row));
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  #row(entry: UnfinishedFile): HTMLElement {
    const { id, filename, size, sent, began } = entry;
    const said = [strings.uploads.sent(formatSize(sent), formatSize(size)), beganText(began)];
    if (entry.parts_expire_at) said.push(deadlineText(entry.parts_expire_at, Date.now()));
    const giveUp = this.#giveUp(filename, () => this.#actions.giveUp(entry));
    const node = row("left", filename, said, this.#goOn(entry), giveUp);
    node.dataset.id = id;
    return node;
  }

  #dropRow(drop: UnfinishedDrop): HTMLElement {
    const { size, sent, began, missing, count, files } = drop;
    const name = nameOf(drop);
    const said = [
      words.missing(missing.length, count),
      sent > 0 ? strings.uploads.sent(formatSize(sent), formatSize(size)) : formatSize(size),
      beganText(began),
    ];
    const [first] = files.flatMap(({ parts_expire_at }) => parts_expire_at ?? []).sort();
    if (first !== undefined) said.push(deadlineText(first, Date.now()));
    const giveUp = this.#giveUp(name, () => this.#actions.giveUpDrop(drop));
    return row("left-drop", name, said, this.#chooseAgain(drop, name), giveUp);
  }

  #goOn(entry: UnfinishedFile): HTMLElement {
    const { handle, filename } = entry;
    if (handle || hasPicker()) {
      const text = handle ? words.goOn : words.choose;
      const label = handle ? words.goOnWith(filename) : words.chooseFor(filename);
      return button(text, label, "go-on", () => this.#actions.goOn(entry));
    }
    return chooser(words.choose, words.chooseFor(filename), {}, ([file]) => {
      if (file) this.#actions.chosen(entry, file);
    });
  }

  #chooseAgain(drop: UnfinishedDrop, name: string): HTMLElement {
    const chosen = (files: File[]) => this.#actions.chosenAgain(drop, files);
    if (drop.folder)
      return chooser(words.chooseFolder, words.chooseFolderFor(name), { webkitdirectory: true }, chosen);
    const text = drop.missing.length === 1 ? words.choose : words.chooseFiles;
    return chooser(text, words.chooseFor(name), { multiple: true }, chosen);
  }

  #giveUp(name: string, giveUp: () => void): HTMLElement {
    const node = button(words.giveUp, words.giveUpOn(name), "give-up", giveUp);
    node.classList.add("quiet");
    return node;
  }
}

/** What a person calls a drop: its folder, or its missing files. */
export function nameOf({ folder, filename, missing }: UnfinishedDrop): string {
  return folder || words.files(filename, missing.length - 1);
}

function beganText(began: number): string {
  return words.began(formatTime(new Date(began).toISOString()));
}

/** Until when what was sent is kept; S3 drops parts some time after their deadline, at the earliest then. */
export function deadlineText(deadline: string, now: number): string {
  const time = formatTime(deadline);
  return Date.parse(deadline) > now ? strings.uploads.resumeBefore(time) : words.expired(time);
}

function button(text: string, label: string, testid: string, onclick: () => void): HTMLButtonElement {
  const attributes = { type: "button", class: "button", "aria-label": label, "data-testid": testid, onclick };
  return element("button", attributes, text);
}

function row(testid: string, name: string, said: string[], ...buttons: HTMLElement[]): HTMLElement {
  return element(
    "li",
    { class: "upload", "data-testid": testid },
    element(
      "div",
      { class: "what" },
      element("span", { class: "name", title: name }, name),
      element("span", { class: "meta" }, said.join(" · ")),
    ),
    element("div", { class: "buttons" }, ...buttons),
  );
}

/** A button that asks for files as the browser does. */
function chooser(
  text: string,
  label: string,
  kind: { webkitdirectory?: true; multiple?: true },
  onChosen: (files: File[]) => void,
): HTMLElement {
  const input = element("input", { type: "file", hidden: true, ...kind });
  input.addEventListener("change", () => {
    onChosen([...(input.files ?? [])]);
    input.value = ""; // the same choice again is news again
  });
  return element(
    "span",
    {},
    button(text, label, "go-on", () => input.click()),
    input,
  );
}

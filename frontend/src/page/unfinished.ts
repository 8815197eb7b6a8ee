// "Not finished yet": what earlier pages left half sent, with a way to go on. Where the browser kept a way to the
// file one click does; elsewhere the person chooses it again. Hidden when there is nothing.
// Must not know how files are sent: what its buttons do is passed in.
import type { Unfinished } from "../upload/engine";
import { element } from "./elements";
import { formatSize, formatTime } from "./formats";
import { hasPicker } from "./handles";
import { strings } from "./strings";

export type UnfinishedActions = {
  /** Goes on by the way that was kept, or with what the person picks. */
  goOn: (entry: Unfinished) => void;
  /** Goes on with the file the person chose in this page. */
  chosen: (entry: Unfinished, file: File) => void;
  giveUp: (entry: Unfinished) => void;
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

  show(entries: Unfinished[]): void {
    this.element.hidden = entries.length === 0;
    this.#list.replaceChildren(...entries.map((entry) => this.#row(entry)));
  }

  #row(entry: Unfinished): HTMLElement {
    const { id, filename, size, sent, began } = entry;
    const time = new Date(began).toISOString();
    const said = [strings.uploads.sent(formatSize(sent), formatSize(size)), words.began(formatTime(time))];
    if (entry.parts_expire_at) said.push(deadlineText(entry.parts_expire_at, Date.now()));
    return element(
      "li",
      { class: "upload", "data-testid": "left", "data-id": id },
      element(
        "div",
        { class: "what" },
        element("span", { class: "name", title: filename }, filename),
        element("span", { class: "meta" }, said.join(" · ")),
      ),
      element("div", { class: "buttons" }, this.#goOn(entry), this.#giveUp(entry)),
    );
  }

  #goOn(entry: Unfinished): HTMLElement {
    if (entry.handle || hasPicker()) {
      const text = entry.handle ? words.goOn : words.choose;
      const label = entry.handle ? words.goOnWith(entry.filename) : words.chooseFor(entry.filename);
      return button(text, label, "go-on", () => this.#actions.goOn(entry));
    }
    const input = element("input", { type: "file", hidden: true });
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file) this.#actions.chosen(entry, file);
    });
    const choose = button(words.choose, words.chooseFor(entry.filename), "go-on", () => input.click());
    return element("span", {}, choose, input);
  }

  #giveUp(entry: Unfinished): HTMLElement {
    const label = words.giveUpOn(entry.filename);
    const giveUp = button(words.giveUp, label, "give-up", () => this.#actions.giveUp(entry));
    giveUp.classList.add("quiet");
    return giveUp;
  }
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

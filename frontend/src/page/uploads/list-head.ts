// The head of the list: its title, which states are shown, whether news arrive, and the button for notifications.
// Must not know the rows.
import type { State } from "../../upload/api/contract";
import { element } from "../elements";
import { strings } from "../strings";

const STATES: State[] = ["uploading", "uploaded", "processing", "accepted", "rejected", "failed"];

export class ListHead {
  readonly element: HTMLElement;
  readonly #title = element("h2", { id: "uploads-title", tabindex: "-1" }, strings.uploads.title);
  readonly #offline = element("span", { class: "muted offline", "data-testid": "offline", hidden: true });

  /** `onFilter` hears which state is wanted; undefined is all of them. */
  constructor(notify: HTMLElement, onFilter: (state: State | undefined) => void) {
    this.#offline.append(strings.uploads.offline);
    const choice = element("select", { "data-testid": "filter" }, option("", strings.uploads.all));
    choice.append(...STATES.map((state) => option(state, strings.states[state])));
    choice.addEventListener("change", () => onFilter(STATES.find((state) => state === choice.value)));
    const label = element("label", { class: "filter" }, element("span", {}, strings.uploads.filter), choice);
    const controls = element("div", { class: "controls" }, notify, label);
    this.element = element("div", { class: "card-head" }, this.#title, this.#offline, controls);
  }

  live(on: boolean): void {
    this.#offline.hidden = on;
  }

  focus(): void {
    this.#title.focus();
  }
}

function option(value: string, text: string): HTMLOptionElement {
  return element("option", { value }, text);
}

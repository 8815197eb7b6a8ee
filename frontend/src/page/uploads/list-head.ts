// The head of the list: its title, the filter by state, whether live updates arrive, and the button for notifications.
// Must not know the rows.
import type { State } from "../../upload/api/contract";
import { element } from "../elements";
import { strings } from "../strings";

const STATES: State[] = ["uploading", "uploaded", "processing", "accepted", "rejected", "failed"];

export class ListHead {
  readonly element: HTMLElement;
  readonly #title = element("h2", { id: "uploads-title", tabindex: "-1" }, strings.uploads.title);
  readonly #offline = element("span", { class: "meta", "data-testid": "offline", hidden: true });

  /** `onFilter` gets the state that the person chose; undefined means all states. */
  constructor(notify: HTMLElement, onFilter: (state: State | undefined) => void) {
    this.#offline.append(strings.uploads.offline);
    const select = element("select", { "data-testid": "filter" }, option("", strings.uploads.all));
    select.append(...STATES.map((state) => option(state, strings.states[state])));
    select.addEventListener("change", () => onFilter(STATES.find((state) => state === select.value)));
    const label = element("label", { class: "filter" }, element("span", {}, strings.uploads.filter), select);
    const controls = element("div", { class: "controls" }, notify, label);
    this.element = element("div", { class: "card-head" }, this.#title, this.#offline, controls);
  }

  showLive(isLive: boolean): void {
    this.#offline.hidden = isLive;
  }

  focus(): void {
    this.#title.focus();
  }
}

function option(value: string, text: string): HTMLOptionElement {
  return element("option", { value }, text);
}

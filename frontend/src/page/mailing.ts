// The switch "Email me": whether outcomes are mailed, and that the first mail is to be confirmed.
// Must not know the list it stands above; problems are for the caller to show.
import type { Api } from "../upload/api";
import type { Mailing as State } from "../upload/contract";
import { element } from "./elements";
import { strings } from "./strings";

export class Mailing {
  readonly element: HTMLElement;
  readonly #api: Pick<Api, "mailing" | "mail" | "unmail">;
  readonly #failed: (error: unknown) => void;
  readonly #switch: HTMLButtonElement;
  readonly #note = element("span", { class: "muted", role: "status" });
  readonly #again: HTMLButtonElement;
  readonly #look = () => {
    if (!document.hidden && this.#state === "pending") void this.#ask(() => this.#api.mailing());
  };
  #state: State["state"] = "off";

  constructor(api: Pick<Api, "mailing" | "mail" | "unmail">, failed: (error: unknown) => void) {
    this.#api = api;
    this.#failed = failed;
    const toggle = () => void this.#ask(() => (this.#state === "off" ? api.mail() : api.unmail()));
    this.#switch = element(
      "button",
      { type: "button", class: "switch", role: "switch", "data-testid": "email", onclick: toggle },
      element("span", { class: "knob", "aria-hidden": "true" }),
      strings.mailing.label,
    );
    this.#again = element(
      "button",
      { type: "button", class: "button quiet", onclick: () => void this.#ask(() => api.mail()) },
      strings.mailing.again,
    );
    this.element = element("div", { class: "mailing", hidden: true }, this.#switch, this.#note, this.#again);
  }

  /** Shown once it is known; looked at again when the person comes back, perhaps from their mail. */
  start(): void {
    document.addEventListener("visibilitychange", this.#look);
    void this.#api.mailing().then(
      (found) => this.#show(found),
      () => undefined,
    );
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#look);
  }

  async #ask(ask: () => Promise<State>): Promise<void> {
    this.#switch.disabled = true;
    try {
      this.#show(await ask());
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#switch.disabled = false;
    }
  }

  #show({ address, state }: State): void {
    this.#state = state;
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.#switch.setAttribute("aria-checked", String(state !== "off"));
    this.#again.hidden = state !== "pending";
    const words = strings.mailing;
    const notes = { off: "", pending: words.pending(address), on: words.on(address) };
    this.#note.textContent = notes[state];
  }
}

// The switch "Email me", and beside it where mail goes or that it is to be confirmed.
// Must not know the list it stands above; problems are for the caller to show.
import type { Api } from "../../upload/api/api";
import type { Mailing as State } from "../../upload/api/contract";
import { element } from "../elements";
import { strings } from "../strings";
import { Mailing } from "./mailing";

export class MailingSwitch {
  readonly element: HTMLElement;
  readonly #mailing: Mailing;
  readonly #switch: HTMLButtonElement;
  readonly #note = element("span", { class: "muted", role: "status" });
  readonly #again: HTMLButtonElement;
  readonly #leaveOff: HTMLButtonElement;
  readonly #look = () => {
    if (!document.hidden) void this.#mailing.look();
  };

  constructor(api: Pick<Api, "mailing" | "mail" | "unmail">, onFailed: (error: unknown) => void) {
    this.#mailing = new Mailing({ api, onFailed, onChange: (known) => this.#show(known) });
    const toggle = () => void this.#mailing.toggle();
    this.#switch = element(
      "button",
      { type: "button", class: "switch", role: "switch", "data-testid": "email", onclick: toggle },
      element("span", { class: "knob", "aria-hidden": "true" }),
      strings.mailing.label,
    );
    this.#again = element(
      "button",
      { type: "button", class: "button quiet", onclick: () => void this.#askAgain() },
      strings.mailing.again,
    );
    this.#leaveOff = element(
      "button",
      { type: "button", class: "button quiet", onclick: () => void this.#mailing.leaveOff() },
      strings.mailing.leaveOff,
    );
    const all = [this.#switch, this.#note, this.#again, this.#leaveOff];
    this.element = element("div", { class: "mailing", hidden: true }, ...all);
  }

  /** Shown once it is known; looked at again when the person comes back, perhaps from their mail. */
  start(): void {
    document.addEventListener("visibilitychange", this.#look);
    void this.#mailing.look();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#look);
  }

  async #askAgain(): Promise<void> {
    const known = await this.#mailing.askAgain();
    if (known?.state === "pending") this.#note.textContent = strings.mailing.sentAgain(known.address);
  }

  #show({ address, state }: State): void {
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.#switch.setAttribute("aria-checked", String(state === "pending" || state === "on"));
    this.#again.hidden = state !== "pending";
    this.#leaveOff.hidden = state !== "stopped";
    const words = strings.mailing;
    const notes = {
      off: "",
      pending: words.pending(address),
      on: words.on(address),
      stopped: words.stopped(address),
    };
    this.#note.textContent = notes[state];
  }
}

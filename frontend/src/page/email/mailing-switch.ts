// The switch "Email me", with a note beside it: the address, or what the person still has to do.
// Must not know the list below it, nor how errors are shown.
import type { Api } from "../../upload/api/api";
import type { Mailing } from "../../upload/api/contract";
import { button, element } from "../elements";
import { strings } from "../strings";
import { MailingSetting } from "./mailing-setting";

const words = strings.mailing;

export class MailingSwitch {
  readonly element: HTMLElement;
  readonly #setting: MailingSetting;
  readonly #switch: HTMLButtonElement;
  readonly #note = element("span", { class: "meta", role: "status" });
  readonly #resend = quietButton(words.again, () => this.#onResend());
  readonly #leaveOff = quietButton(words.leaveOff, () => this.#setting.leaveOff());

  constructor(api: Pick<Api, "mailing" | "mail" | "unmail">, onFailed: (error: unknown) => void) {
    this.#setting = new MailingSetting({ api, onFailed, onChange: (mailing) => this.#show(mailing) });
    const toggle = () => void this.#setting.toggle();
    this.#switch = element(
      "button",
      { type: "button", class: "switch", role: "switch", "data-testid": "email", onclick: toggle },
      element("span", { class: "knob", "aria-hidden": "true" }),
      words.label,
    );
    const children = [this.#switch, this.#note, this.#resend, this.#leaveOff];
    this.element = element("div", { class: "mailing", hidden: true }, ...children);
  }

  /** Reads the setting now and whenever the person comes back to this tab, perhaps from their email. */
  start(): void {
    document.addEventListener("visibilitychange", this.#refresh);
    void this.#setting.refresh();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#refresh);
  }

  readonly #refresh = (): void => {
    if (!document.hidden) void this.#setting.refresh();
  };

  async #onResend(): Promise<void> {
    const mailing = await this.#setting.resend();
    if (mailing?.state === "pending") this.#note.textContent = words.sentAgain(mailing.address);
  }

  #show({ address, state }: Mailing): void {
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.#switch.setAttribute("aria-checked", String(state === "pending" || state === "on"));
    this.#resend.hidden = state !== "pending";
    this.#leaveOff.hidden = state !== "stopped";
    this.#note.textContent = state === "off" ? "" : words[state](address);
  }
}

function quietButton(text: string, act: () => Promise<void>): HTMLButtonElement {
  return button("button quiet", text, { onclick: () => void act() });
}

// Short messages in the corner, read aloud politely by screen readers. Must not know what they are about.
import { element } from "../elements";
import { strings } from "../strings";

const LIFE = 8_000;
const MOST = 4;

type Kind = "good" | "bad";

export class Toasts {
  readonly element = element("div", { class: "toasts", role: "status", "aria-live": "polite" });
  readonly #counting = new Map<string, Toast>();

  show(text: string, kind: Kind): void {
    this.#add(new Toast(kind)).say(text);
  }

  /**
   * Counts in one message what happens under this name while the message is visible. So a folder of files does not push
   * other messages out. `text` gets the count.
   */
  count(name: string, kind: Kind, text: (count: number) => string): void {
    const shown = this.#counting.get(name);
    const toast = shown?.element.isConnected ? shown : this.#add(new Toast(kind));
    this.#counting.set(name, toast);
    toast.say(text(++toast.count));
  }

  #add(toast: Toast): Toast {
    this.element.append(toast.element);
    while (this.element.childElementCount > MOST) this.element.firstElementChild?.remove();
    return toast;
  }
}

class Toast {
  count = 0;
  readonly element: HTMLElement;
  readonly #text = element("span");
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(kind: Kind) {
    const close = {
      type: "button",
      class: "icon",
      "aria-label": strings.toasts.close,
      onclick: () => this.element.remove(),
    };
    const parts = [this.#text, element("button", close, "×")];
    this.element = element("div", { class: `toast ${kind}`, "data-testid": "toast" }, ...parts);
  }

  say(text: string): void {
    this.#text.textContent = text;
    this.#startTimer();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fade(), LIFE);
  }

  /** Removes the message, unless the pointer or the focus is on it. */
  #fade(): void {
    if (this.element.matches(":hover, :focus-within")) this.#startTimer();
    else this.element.remove();
  }
}

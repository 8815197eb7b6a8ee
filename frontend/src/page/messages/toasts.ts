// Short messages in the corner, which screen readers announce. Must not know what they are about.
import { button, element } from "../elements";
import { strings } from "../strings";

/** Milliseconds until a message disappears. */
const LIFETIME = 8_000;
/** At most this many messages are visible. */
const MOST = 4;

export type Kind = "good" | "bad";

export class Toasts {
  readonly element = element("div", { class: "toasts", role: "status", "aria-live": "polite" });
  readonly #counters = new Map<string, Toast>();

  show(text: string, kind: Kind): void {
    this.#add(new Toast(kind)).setText(text);
  }

  /**
   * Counts the events of one name in one message while that is visible, so that a folder of files does not displace
   * other messages. `text` gets the count.
   */
  count(name: string, kind: Kind, text: (count: number) => string): void {
    const current = this.#counters.get(name);
    const toast = current?.element.isConnected ? current : this.#add(new Toast(kind));
    this.#counters.set(name, toast);
    toast.setText(text(++toast.count));
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
    const onclick = () => this.element.remove();
    const close = button("icon", "×", { "aria-label": strings.toasts.close, onclick });
    this.element = element("div", { class: `toast ${kind}`, "data-testid": "toast" }, this.#text, close);
  }

  /** Shows the text for another LIFETIME. */
  setText(text: string): void {
    this.#text.textContent = text;
    this.#startTimer();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(), LIFETIME);
  }

  /** Removes the message, unless the pointer or the focus is on it. */
  #expire(): void {
    if (this.element.matches(":hover, :focus-within")) this.#startTimer();
    else this.element.remove();
  }
}

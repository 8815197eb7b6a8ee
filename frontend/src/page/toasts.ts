// Short messages in the corner, read aloud politely by screen readers. Must not know what they are about.
import { element } from "./elements";
import { strings } from "./strings";

const LIFE = 8_000;
const MOST = 4;

export class Toasts {
  readonly element = element("div", { class: "toasts", role: "status", "aria-live": "polite" });

  show(text: string, kind: "good" | "bad"): void {
    const toast = element(
      "div",
      { class: `toast ${kind}`, "data-testid": "toast" },
      element("span", {}, text),
      element(
        "button",
        {
          type: "button",
          class: "icon",
          "aria-label": strings.toasts.close,
          onclick: () => toast.remove(),
        },
        "×",
      ),
    );
    this.element.append(toast);
    while (this.element.childElementCount > MOST) this.element.firstElementChild?.remove();
    setTimeout(() => fade(toast), LIFE);
  }
}

/** Away with it, unless somebody is at it. */
function fade(toast: HTMLElement): void {
  if (toast.matches(":hover, :focus-within")) setTimeout(() => fade(toast), LIFE);
  else toast.remove();
}

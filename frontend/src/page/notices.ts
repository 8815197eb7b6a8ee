// The browser's own notifications, for outcomes that come while nobody looks at the tab. Asks for leave only when
// a person wants them. Must not know what they are about.
// https://developer.mozilla.org/docs/Web/API/Notifications_API
import { element } from "./elements";
import { strings } from "./strings";

export class Notices {
  /** The discreet button that asks; there while the browser would still ask the person. */
  readonly element: HTMLButtonElement;

  constructor() {
    this.element = element(
      "button",
      {
        type: "button",
        class: "button quiet",
        title: strings.uploads.notifyTitle,
        "data-testid": "notify",
        onclick: () => void this.#ask(),
      },
      strings.uploads.notify,
    );
    this.#look();
  }

  /** Says it where the person is, when that is not here. */
  tell(text: string): void {
    if (!document.hidden || !isSupported() || Notification.permission !== "granted") return;
    try {
      const notice = new Notification(strings.title, { body: text, icon: "/favicon.svg" });
      notice.addEventListener("click", () => window.focus());
    } catch {
      // Chrome on Android shows them from a service worker only; the toast is there.
    }
  }

  async #ask(): Promise<void> {
    await Notification.requestPermission();
    this.#look();
  }

  #look(): void {
    this.element.hidden = !isSupported() || Notification.permission !== "default";
  }
}

function isSupported(): boolean {
  return "Notification" in window;
}

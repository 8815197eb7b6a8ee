// The browser's own notifications, for outcomes that come while nobody looks at the tab. Asks for leave only when
// a person wants them. Must not know what they are about.
// https://developer.mozilla.org/docs/Web/API/Notifications_API
import { element } from "../elements";
import { strings } from "../strings";

export class Notices {
  /** The discreet button that asks; there while the browser would still ask the person. */
  readonly element: HTMLButtonElement;
  readonly #unseen = new Map<string, number>();

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

  start(): void {
    document.addEventListener("visibilitychange", this.#forget);
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#forget);
  }

  /** Shows a notification of the browser while this tab is hidden. It replaces an older one with the same tag. */
  tell(body: string, tag?: string): void {
    if (!document.hidden || !isSupported() || Notification.permission !== "granted") return;
    try {
      const notice = new Notification(strings.title, { body, icon: "/favicon.svg", ...(tag && { tag }) });
      notice.addEventListener("click", () => window.focus());
    } catch {
      // Chrome on Android shows them from a service worker only; the toast is there.
    }
  }

  /** Counts, in one notification for each name, what happened since the tab was hidden. `text` gets the count. */
  count(name: string, text: (count: number) => string): void {
    if (!document.hidden) return;
    const count = (this.#unseen.get(name) ?? 0) + 1;
    this.#unseen.set(name, count);
    this.tell(text(count), name);
  }

  readonly #forget = (): void => this.#unseen.clear();

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

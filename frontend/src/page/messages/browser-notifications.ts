// The browser's own notifications, for outcomes that arrive while the tab is hidden. Requests permission only when the
// person clicks the button. Must not know what the notifications are about.
// https://developer.mozilla.org/docs/Web/API/Notifications_API
import { button } from "../elements";
import { strings } from "../strings";

export class BrowserNotifications {
  /** The button that requests permission; hidden when the browser would not ask the person. */
  readonly element: HTMLButtonElement;
  readonly #counts = new Map<string, number>();

  constructor() {
    this.element = button("button quiet", strings.uploads.notify, {
      title: strings.uploads.notifyTitle,
      "data-testid": "notify",
      onclick: () => void this.#requestPermission(),
    });
    this.#updateButton();
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#resetCounts);
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#resetCounts);
  }

  /** Shows a notification while this tab is hidden. It replaces an older one with the same tag. */
  show(body: string, tag?: string): void {
    if (!document.hidden || !isSupported() || Notification.permission !== "granted") return;
    try {
      const icon = "/favicon.svg";
      const notification = new Notification(strings.title, tag ? { body, icon, tag } : { body, icon });
      notification.addEventListener("click", () => window.focus());
    } catch {
      // Chrome on Android allows notifications from service workers only. The toast is still there.
    }
  }

  /** Counts the events of each name since the tab was hidden, in one notification. `text` gets the count. */
  count(name: string, text: (count: number) => string): void {
    if (!document.hidden) return;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    this.show(text(count), name);
  }

  readonly #resetCounts = (): void => this.#counts.clear();

  async #requestPermission(): Promise<void> {
    await Notification.requestPermission();
    this.#updateButton();
  }

  #updateButton(): void {
    this.element.hidden = !isSupported() || Notification.permission !== "default";
  }
}

function isSupported(): boolean {
  return "Notification" in window;
}

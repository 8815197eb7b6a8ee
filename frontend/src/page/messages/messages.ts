// Messages to a person who is signed in: as toasts, and as notifications of the browser while the tab is hidden.
// Must not know which part of the page sends them.
import type { Upload } from "../../upload/api/contract";
import { sentence } from "../formats";
import { strings } from "../strings";
import type { BrowserNotifications } from "./browser-notifications";
import { explain } from "./explain";
import type { Kind, Toasts } from "./toasts";

export class Messages {
  readonly #toasts: Toasts;
  readonly #notifications: BrowserNotifications;

  constructor(toasts: Toasts, notifications: BrowserNotifications) {
    this.#toasts = toasts;
    this.#notifications = notifications;
  }

  /** Responds to something the person just did. */
  show(text: string, kind: Kind): void {
    this.#toasts.show(text, kind);
  }

  showError(error: unknown): void {
    this.#toasts.show(explain(error), "bad");
  }

  /** Reports something that happens without the person, who may be looking at another tab. */
  notify(text: string, kind: Kind): void {
    this.#toasts.show(text, kind);
    this.#notifications.show(text);
  }

  /** Reports the outcome of an upload, and counts equal outcomes that follow closely. */
  notifyOutcome({ filename, state, reason }: Upload): void {
    if (state !== "accepted" && state !== "rejected" && state !== "failed") return;
    const { one, many } = strings.outcomes[state];
    const text = (count: number) => (count === 1 ? one(filename, sentence(reason ?? "")) : many(count));
    this.#toasts.count(state, state === "accepted" ? "good" : "bad", text);
    this.#notifications.count(state, text);
  }
}

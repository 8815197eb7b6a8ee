// Whether outcomes are mailed, as the API last told: looked up, switched, asked to confirm again.
// Must not know how it is shown.
import type { Api } from "../../upload/api/api";
import type { Mailing as State } from "../../upload/api/contract";

export type MailingOptions = {
  api: Pick<Api, "mailing" | "mail" | "unmail">;
  onChange: (known: State) => void;
  /** What the person asked for did not happen. */
  onFailed: (error: unknown) => void;
};

export class Mailing {
  readonly #options: MailingOptions;
  #known: State | undefined;
  #busy = false;
  #asked = 0;

  constructor(options: MailingOptions) {
    this.#options = options;
  }

  /** Nobody waits for this: a failure is not told, and what the person asks meanwhile is newer. */
  async look(): Promise<void> {
    if (this.#busy) return;
    const asked = ++this.#asked;
    const found = await this.#options.api.mailing().catch(() => undefined);
    if (found && asked === this.#asked) this.#know(found);
  }

  async toggle(): Promise<void> {
    const { api } = this.#options;
    const isOff = this.#known?.state === "off" || this.#known?.state === "stopped";
    await this.#change(() => (isOff ? api.mail() : api.unmail()));
  }

  /** The person has seen that mail stopped, and does not want it back. */
  async leaveOff(): Promise<void> {
    await this.#change(() => this.#options.api.unmail());
  }

  /** The mail with the link, once more; returns what is known then, unless it was not sent. */
  askAgain(): Promise<State | undefined> {
    return this.#change(() => this.#options.api.mail());
  }

  /** One at a time: who presses twice means it once. */
  async #change(change: () => Promise<State>): Promise<State | undefined> {
    if (this.#busy) return undefined;
    this.#busy = true;
    this.#asked++;
    try {
      const known = await change();
      this.#know(known);
      return known;
    } catch (error) {
      this.#options.onFailed(error);
      return undefined;
    } finally {
      this.#busy = false;
    }
  }

  #know(known: State): void {
    this.#known = known;
    this.#options.onChange(known);
  }
}

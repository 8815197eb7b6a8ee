// Whether outcomes are emailed to the person: reads this from the API, changes it, and requests another confirmation.
// Must not know how it is shown.
import type { Api } from "../../upload/api/api";
import type { Mailing } from "../../upload/api/contract";

export type MailingSettingOptions = {
  api: Pick<Api, "mailing" | "mail" | "unmail">;
  onChange: (mailing: Mailing) => void;
  /** A change that the person made failed. */
  onFailed: (error: unknown) => void;
};

export class MailingSetting {
  readonly #options: MailingSettingOptions;
  #mailing: Mailing | undefined;
  #busy = false;
  #requests = 0;

  constructor(options: MailingSettingOptions) {
    this.#options = options;
  }

  /** Reads the setting. Failures are ignored, and so is a result that is older than a change. */
  async refresh(): Promise<void> {
    if (this.#busy) return;
    const request = ++this.#requests;
    const mailing = await this.#options.api.mailing().catch(() => undefined);
    if (mailing && request === this.#requests) this.#set(mailing);
  }

  async toggle(): Promise<void> {
    const { api } = this.#options;
    const isOff = this.#mailing?.state === "off" || this.#mailing?.state === "stopped";
    await this.#change(() => (isOff ? api.mail() : api.unmail()));
  }

  /** Confirms that emails, which have stopped, are to stay off. */
  async leaveOff(): Promise<void> {
    await this.#change(() => this.#options.api.unmail());
  }

  /** Sends the email with the confirmation link again. Returns the new setting, or undefined when that failed. */
  resend(): Promise<Mailing | undefined> {
    return this.#change(() => this.#options.api.mail());
  }

  /** One change at a time: a second click meanwhile does nothing. */
  async #change(change: () => Promise<Mailing>): Promise<Mailing | undefined> {
    if (this.#busy) return undefined;
    this.#busy = true;
    this.#requests++;
    try {
      const mailing = await change();
      this.#set(mailing);
      return mailing;
    } catch (error) {
      this.#options.onFailed(error);
      return undefined;
    } finally {
      this.#busy = false;
    }
  }

  #set(mailing: Mailing): void {
    this.#mailing = mailing;
    this.#options.onChange(mailing);
  }
}

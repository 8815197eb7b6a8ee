// The top of the page: the name, who is signed in, the way out. Must not know what signing out does.
import { element } from "./elements";
import { strings } from "./strings";

export type HeaderOptions = { onSignOut: () => void };

export class Header {
  readonly #email = element("span", { class: "email", "data-testid": "account" });
  readonly #account: HTMLElement;

  constructor(target: HTMLElement, { onSignOut }: HeaderOptions) {
    const signOut = element(
      "button",
      { type: "button", class: "button quiet", "data-testid": "sign-out", onclick: onSignOut },
      strings.header.signOut,
    );
    this.#account = element("div", { class: "account", hidden: true }, this.#email, signOut);
    target.append(this.#account);
  }

  /** Shows who is signed in, or nobody. */
  show(email: string | undefined): void {
    this.#account.hidden = email === undefined;
    this.#email.textContent = email ?? "";
    this.#email.title = email ?? "";
  }
}

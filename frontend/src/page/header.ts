// The account in the page's header: its email address and the button "Sign out". Must not know what signing out does.
import { button, element } from "./elements";
import { strings } from "./strings";

export type HeaderOptions = { onSignOut: () => void };

export class Header {
  readonly #email = element("span", { class: "email", "data-testid": "account" });
  readonly #account: HTMLElement;

  constructor(target: HTMLElement, { onSignOut }: HeaderOptions) {
    const signOut = button("button quiet", strings.header.signOut, {
      "data-testid": "sign-out",
      onclick: onSignOut,
    });
    this.#account = element("div", { class: "account", hidden: true }, this.#email, signOut);
    target.append(this.#account);
  }

  /** Shows the account that is signed in; undefined hides it. */
  show(email: string | undefined): void {
    this.#account.hidden = email === undefined;
    this.#email.textContent = email ?? "";
    this.#email.title = email ?? "";
  }
}

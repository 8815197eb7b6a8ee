// The page's two faces, signed out and signed in, and the way between them.
// Must not know how either looks inside.
import { Api, type Fetch } from "../upload/api";
import type { Clock } from "../upload/clock";
import { NetworkError } from "../upload/errors";
import { Account } from "./account";
import type { Config } from "./config";
import { confirm } from "./confirm";
import { element, errorLine } from "./elements";
import { explain } from "./explain";
import { Header } from "./header";
import { signInForm } from "./sign-in";
import { strings } from "./strings";
import { Toasts } from "./toasts";
import { Workspace } from "./workspace";

export type AppOptions = {
  main: HTMLElement;
  header: HTMLElement;
  config: Config;
  fetch: Fetch;
  clock: Clock;
  store: Storage;
};

export class App {
  readonly #main: HTMLElement;
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #account: Account;
  readonly #api: Api;
  readonly #header: Header;
  readonly #toasts = new Toasts();
  #workspace: Workspace | undefined;

  constructor({ main, header, config, fetch, clock, store }: AppOptions) {
    this.#main = main;
    this.#config = config;
    this.#clock = clock;
    const cognito = { endpoint: config.cognito_endpoint, clientId: config.user_pool_client_id, fetch };
    const onEnded = () => void this.#leave(strings.signIn.ended);
    this.#account = new Account({ cognito, store, clock, onEnded });
    const idToken = (renew: boolean) => this.#account.idToken(renew);
    this.#api = new Api({ url: config.api_url, fetch, clock, idToken });
    this.#header = new Header(header, { onSignOut: () => void this.#signOut() });
    document.body.append(this.#toasts.element);
  }

  /** After a reload the person is still signed in, if Cognito agrees. */
  async start(): Promise<void> {
    if (!this.#account.isRemembered) return this.#showSignIn();
    this.#main.replaceChildren(element("p", { class: "empty", role: "status" }, strings.signIn.resuming));
    try {
      await this.#account.idToken();
      this.#enter();
    } catch (error) {
      if (error instanceof NetworkError) this.#showUnreachable(error);
    }
  }

  #enter(): void {
    this.#header.show(this.#account.email);
    this.#workspace = new Workspace(this.#api, this.#clock, this.#toasts, this.#account.email);
    this.#main.replaceChildren(this.#workspace.element);
    this.#workspace.open();
  }

  async #signOut(): Promise<void> {
    if (this.#workspace?.isBusy && !(await confirm(strings.leave))) return;
    await this.#leave(undefined);
  }

  async #leave(notice: string | undefined): Promise<void> {
    const workspace = this.#workspace;
    this.#workspace = undefined;
    await workspace?.close();
    this.#account.signOut();
    this.#showSignIn(notice);
  }

  #showSignIn(notice?: string): void {
    this.#header.show(undefined);
    const signIn = async (email: string, password: string) => {
      await this.#account.signIn(email, password);
      this.#enter();
    };
    this.#main.replaceChildren(signInForm({ signIn, explain, demo: this.#config.demo, notice }));
  }

  #showUnreachable(error: unknown): void {
    const retry = () => void this.start();
    this.#main.replaceChildren(errorLine(explain(error), strings.errors.retry, retry));
  }
}

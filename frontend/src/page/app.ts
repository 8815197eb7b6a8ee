// Switches between the sign-in forms and the workspace.
// Must not know what either of them contains.
import { Api, type Fetch } from "../upload/api/api";
import { openConnections } from "../upload/browser/preconnect";
import type { Clock } from "../upload/clock";
import { Account } from "./account/account";
import { isSessionEnded } from "./account/cognito";
import { SignInForms } from "./account/sign-in-forms";
import type { Config } from "./config";
import { element, errorLine } from "./elements";
import { Header } from "./header";
import { confirm } from "./messages/confirm";
import { explain } from "./messages/explain";
import { Toasts } from "./messages/toasts";
import { strings } from "./strings";
import { Workspace } from "./workspace";

/** Keeps over a reload why the sign-in form appears. */
const ENDED = "hoist.ended";

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
  readonly #clock: Clock;
  readonly #account: Account;
  readonly #api: Api;
  readonly #header: Header;
  readonly #signInForms: SignInForms;
  readonly #store: Storage;
  readonly #toasts = new Toasts();
  readonly #isLocal: boolean;
  #workspace: Workspace | undefined;

  constructor({ main, header, config, fetch, clock, store }: AppOptions) {
    this.#main = main;
    this.#clock = clock;
    this.#store = store;
    this.#isLocal = config.demo !== undefined;
    const cognito = { endpoint: config.cognito_endpoint, clientId: config.user_pool_client_id, fetch };
    const onEnded = () => this.#endSession();
    this.#account = new Account({ cognito, store, clock, onEnded });
    const idToken = (renew: boolean) => this.#account.idToken(renew);
    this.#api = new Api({ url: config.api_url, fetch, clock, idToken });
    this.#signInForms = new SignInForms({
      target: main,
      cognito,
      explain,
      demo: config.demo,
      signIn: (email, password) => this.#enterAfter(this.#account.signIn(email, password)),
      chooseFirstPassword: (required, password) =>
        this.#enterAfter(this.#account.chooseFirstPassword(required, password)),
    });
    this.#header = new Header(header, { onSignOut: () => void this.#signOut() });
    document.body.append(this.#toasts.element);
  }

  /** After a reload the person is still signed in, if Cognito agrees. */
  async start(): Promise<void> {
    if (!this.#account.isRemembered) return this.#showSignIn(this.#notice());
    this.#main.replaceChildren(element("p", { class: "empty", role: "status" }, strings.signIn.resuming));
    try {
      await this.#account.idToken();
      this.#enter();
    } catch (error) {
      if (!isSessionEnded(error)) this.#showUnreachable(error);
    }
  }

  #enter(): void {
    const { email } = this.#account;
    this.#header.show(email);
    this.#workspace = new Workspace({
      api: this.#api,
      clock: this.#clock,
      toasts: this.#toasts,
      owner: email,
      preconnect: this.#isLocal ? undefined : openConnections,
    });
    this.#main.replaceChildren(this.#workspace.element);
    this.#workspace.open();
  }

  async #enterAfter(signedIn: Promise<void>): Promise<void> {
    await signedIn;
    this.#enter();
  }

  async #signOut(): Promise<void> {
    if (this.#workspace?.isBusy && !(await confirm(strings.leave))) return;
    const workspace = this.#workspace;
    this.#workspace = undefined;
    await workspace?.close();
    this.#account.signOut();
    this.#showSignIn();
  }

  /** The session ended by itself. Unfinished uploads are kept, so that the person can resume them. */
  #endSession(): void {
    this.#workspace?.leave();
    this.#store.setItem(ENDED, "true");
    location.reload();
  }

  #notice(): string | undefined {
    const isEnded = this.#store.getItem(ENDED) !== null;
    this.#store.removeItem(ENDED);
    return isEnded ? strings.signIn.ended : undefined;
  }

  #showSignIn(notice?: string): void {
    this.#header.show(undefined);
    this.#signInForms.show(notice);
  }

  #showUnreachable(error: unknown): void {
    const retry = () => void this.start();
    this.#main.replaceChildren(errorLine(explain(error), strings.errors.retry, retry));
  }
}

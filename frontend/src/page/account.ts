// Who is signed in: keeps the tokens, renews the ID token before it ends or when the API refuses it, and
// remembers the refresh token for a reload of this tab. Must not know the DOM, nor what the tokens open.
import type { Clock } from "../upload/clock";
import {
  type Cognito,
  CognitoError,
  refreshTokens,
  revokeToken,
  signInWithPassword,
  type Tokens,
} from "./cognito";

/** An ID token this close to its end (milliseconds) is renewed before it is used; a short one at half its life. */
const MARGIN = 5 * 60_000;

const KEY = "hoist.refresh_token";

export type TokenStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type AccountOptions = {
  cognito: Cognito;
  store: TokenStore;
  clock: Clock;
  /** Cognito no longer takes the refresh token: the person must sign in again. */
  onEnded: () => void;
};

export class Account {
  readonly #options: AccountOptions;
  #tokens: Tokens | undefined;
  #renewAt = 0;
  #renewing: Promise<string> | undefined;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** True when a reload can go on without a password. */
  get isRemembered(): boolean {
    return this.#refreshToken() !== undefined;
  }

  get email(): string {
    return this.#tokens ? emailIn(this.#tokens.idToken) : "";
  }

  async signIn(email: string, password: string): Promise<void> {
    this.#keep(await signInWithPassword(this.#options.cognito, email, password));
  }

  /** Forgets the tokens at once; Cognito is told to, and may be out of reach. */
  signOut(): void {
    const refreshToken = this.#refreshToken();
    this.#forget();
    if (refreshToken !== undefined) revokeToken(this.#options.cognito, refreshToken).catch(() => undefined);
  }

  /** An ID token that is good for some minutes; a new one in any case when `renew` is true. */
  async idToken(renew = false): Promise<string> {
    const tokens = this.#tokens;
    if (tokens && !renew && this.#options.clock.now() < this.#renewAt) return tokens.idToken;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<string> {
    const refreshToken = this.#refreshToken();
    if (refreshToken === undefined) throw new CognitoError("NotAuthorizedException", "Not signed in");
    try {
      const tokens = await refreshTokens(this.#options.cognito, refreshToken);
      if (this.#refreshToken() === refreshToken) this.#keep(tokens);
      return tokens.idToken;
    } catch (error) {
      if (error instanceof CognitoError && this.#refreshToken() === refreshToken) {
        this.#forget();
        this.#options.onEnded();
      }
      throw error;
    }
  }

  #forget(): void {
    this.#tokens = undefined;
    this.#options.store.removeItem(KEY);
  }

  #keep(tokens: Tokens): void {
    const { clock, store } = this.#options;
    this.#tokens = tokens;
    const life = tokens.expiresIn * 1000;
    this.#renewAt = clock.now() + Math.max(life - MARGIN, life / 2);
    store.setItem(KEY, tokens.refreshToken);
  }

  #refreshToken(): string | undefined {
    return this.#tokens?.refreshToken ?? this.#options.store.getItem(KEY) ?? undefined;
  }
}

/** The email claim of an ID token. Only for showing: the API checks the token, the page does not. */
function emailIn(idToken: string): string {
  try {
    const payload = (idToken.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return String(claims.email ?? claims["cognito:username"] ?? "");
  } catch {
    return "";
  }
}

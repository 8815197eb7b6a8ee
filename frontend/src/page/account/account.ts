// The account that is signed in. Renews the ID token before it expires or when the API refuses it, and keeps the refresh
// token for a reload of this tab. Must not know the DOM, nor which requests carry the tokens.
import type { Clock } from "../../upload/clock";
import { NetworkError, TokenUnavailable } from "../../upload/errors";
import {
  type Cognito,
  CognitoError,
  chooseFirstPassword,
  isSessionEnded,
  type NewPasswordRequired,
  refreshTokens,
  revokeToken,
  signInWithPassword,
  type Tokens,
} from "./cognito";

/**
 * An ID token that expires within this time (milliseconds) is renewed before it is used. A token that lives shorter than
 * twice this time is renewed after half its life.
 */
const MARGIN = 5 * 60_000;

/** After a failed renewal, a token that is still valid is used this long (milliseconds) before the next attempt. */
const RENEW_PAUSE = 30_000;

const KEY = "hoist.refresh_token";

export type TokenStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type AccountOptions = {
  cognito: Cognito;
  store: TokenStore;
  clock: Clock;
  /** Cognito no longer accepts the refresh token: the person must sign in again. */
  onEnded: () => void;
};

export class Account {
  readonly #options: AccountOptions;
  #tokens: Tokens | undefined;
  #renewAt = 0;
  #expiresAt = 0;
  #renewing: Promise<string> | undefined;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** True when a refresh token is kept, so that a reload needs no password. */
  get isRemembered(): boolean {
    return this.#refreshToken() !== undefined;
  }

  get email(): string {
    return this.#tokens ? emailIn(this.#tokens.idToken) : "";
  }

  async signIn(email: string, password: string): Promise<void> {
    this.#keep(await signInWithPassword(this.#options.cognito, email, password));
  }

  async chooseFirstPassword(required: NewPasswordRequired, password: string): Promise<void> {
    this.#keep(await chooseFirstPassword(this.#options.cognito, required, password));
  }

  /** Deletes the tokens at once, and revokes the refresh token at Cognito if Cognito can be reached. */
  signOut(): void {
    const refreshToken = this.#refreshToken();
    this.#forget();
    if (refreshToken !== undefined) revokeToken(this.#options.cognito, refreshToken).catch(() => undefined);
  }

  /**
   * Returns a valid ID token, and a new one when `renew` is true. Rejects with CognitoError when the session is over.
   * After a NetworkError or TokenUnavailable the next call may succeed.
   */
  async idToken(renew = false): Promise<string> {
    const { clock } = this.#options;
    const tokens = this.#tokens;
    if (tokens && !renew && clock.now() < this.#renewAt) return tokens.idToken;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    try {
      return await this.#renewing;
    } catch (error) {
      const isUsable = this.#tokens === tokens && !renew && clock.now() < this.#expiresAt;
      if (!tokens || !isUsable || isSessionEnded(error)) throw error;
      this.#renewAt = Math.min(clock.now() + RENEW_PAUSE, this.#expiresAt);
      return tokens.idToken;
    }
  }

  async #renew(): Promise<string> {
    const refreshToken = this.#refreshToken();
    if (refreshToken === undefined) throw new CognitoError("NotAuthorizedException", "Not signed in");
    try {
      const tokens = await refreshTokens(this.#options.cognito, refreshToken);
      if (this.#refreshToken() === refreshToken) this.#keep(tokens);
      return tokens.idToken;
    } catch (error) {
      if (!isSessionEnded(error)) throw asTransient(error);
      if (this.#refreshToken() === refreshToken) {
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
    this.#expiresAt = clock.now() + life;
    store.setItem(KEY, tokens.refreshToken);
  }

  #refreshToken(): string | undefined {
    return this.#tokens?.refreshToken ?? this.#options.store.getItem(KEY) ?? undefined;
  }
}

/** The error for a failure that may pass: uploads wait, and a person may retry. */
function asTransient(error: unknown): Error {
  if (error instanceof NetworkError) return error;
  const reason = error instanceof CognitoError ? error.code : "no readable answer";
  return new TokenUnavailable(`Cognito did not renew the ID token: ${reason}`, { cause: error });
}

/** Reads the email claim of an ID token, for display only: the API verifies the token, the page does not. */
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

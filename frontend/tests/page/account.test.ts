import { expect, test } from "vitest";
import { Account } from "../../src/page/account/account";
import { CognitoError, NewPasswordRequired } from "../../src/page/account/cognito";
import { isOutage, TokenUnavailable } from "../../src/upload/errors";
import { RushingClock } from "../fakes/clock";
import { Cloud, fileOf, json } from "../fakes/cloud";

type Body = { AuthFlow: string; ClientId: string; AuthParameters: Record<string, string> };
const TARGET = "AWSCognitoIdentityProviderService";

function base64url(text: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function idToken(email: string, number: number): string {
  const part = (value: object) => base64url(JSON.stringify(value));
  return `${part({})}.${part({ email, number })}.signature`;
}

function world() {
  const requests: Body[] = [];
  const revoked: object[] = [];
  const entries = new Map<string, string>();
  const clock = new RushingClock();
  const answer = undefined as (() => Response) | undefined;
  const state = { requests, revoked, entries, clock, ended: 0, answer };
  const fetch = async (url: string, options: RequestInit) => {
    expect(url).toBe("https://cognito.test/");
    const target = (options.headers as Record<string, string>)["X-Amz-Target"];
    if (target === `${TARGET}.RevokeToken`) {
      revoked.push(JSON.parse(String(options.body)) as object);
      return state.answer?.() ?? json(200, {});
    }
    expect([`${TARGET}.InitiateAuth`, `${TARGET}.RespondToAuthChallenge`]).toContain(target);
    requests.push(JSON.parse(String(options.body)) as Body);
    if (state.answer) return state.answer();
    const IdToken = idToken("zoë@example.com", requests.length);
    const RefreshToken = requests.at(-1)?.AuthFlow === "USER_PASSWORD_AUTH" ? "refresh" : undefined;
    return json(200, { AuthenticationResult: { IdToken, RefreshToken, ExpiresIn: 3600 } });
  };
  const store = {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
    removeItem: (key: string) => void entries.delete(key),
  };
  const cognito = { endpoint: "https://cognito.test", clientId: "client", fetch };
  const open = () => new Account({ cognito, store, clock, onEnded: () => void state.ended++ });
  return { ...state, state, open };
}

test("signing in returns an ID token, which has the email address", async () => {
  const { open, requests } = world();
  const account = open();
  await account.signIn("zoë@example.com", "secret");
  expect(requests).toEqual([
    {
      AuthFlow: "USER_PASSWORD_AUTH",
      ClientId: "client",
      AuthParameters: { USERNAME: "zoë@example.com", PASSWORD: "secret" },
    },
  ]);
  expect(account.email).toBe("zoë@example.com");
  expect(await account.idToken()).toBe(await account.idToken());
  expect(requests).toHaveLength(1);
});

test("an account stays signed in over a reload, until it signs out", async () => {
  const { open, requests } = world();
  await open().signIn("a", "b");
  const reloaded = open();
  expect(reloaded.isRemembered).toBe(true);
  await reloaded.idToken();
  expect(requests[1]).toMatchObject({
    AuthFlow: "REFRESH_TOKEN_AUTH",
    AuthParameters: { REFRESH_TOKEN: "refresh" },
  });
  reloaded.signOut();
  expect(open().isRemembered).toBe(false);
});

test("signing out revokes the refresh token at Cognito once, and deletes it here even when Cognito fails", async () => {
  const { open, revoked, state } = world();
  const account = open();
  await account.signIn("a", "b");
  state.answer = () => json(500, {});
  account.signOut();
  account.signOut();
  expect(revoked).toEqual([{ ClientId: "client", Token: "refresh" }]);
  expect(open().isRemembered).toBe(false);
  await expect(account.idToken()).rejects.toThrow("Not signed in");
});

test("a refusal by a Lambda function of the pool keeps its message", async () => {
  const { open, state } = world();
  const message = "PreSignUp failed with error Only addresses at example.com can have an account here.";
  state.answer = () => json(400, { __type: "UserLambdaValidationException", message });
  await expect(open().signIn("a", "b")).rejects.toThrow(
    /^Only addresses at example\.com can have an account here\.$/,
  );
});

test("the ID token is renewed shortly before it expires, once for all callers", async () => {
  const { open, requests, clock } = world();
  const account = open();
  await account.signIn("a", "b");
  clock.time += 54 * 60_000;
  await account.idToken();
  expect(requests).toHaveLength(1);
  clock.time += 2 * 60_000;
  const tokens = await Promise.all([account.idToken(), account.idToken(), account.idToken(true)]);
  expect(requests).toHaveLength(2);
  expect(new Set(tokens).size).toBe(1);
});

/** Cognito's responses to InitiateAuth: status, exception and message. */
const REFUSALS = {
  ended: [
    [400, "NotAuthorizedException", "Refresh Token has expired"],
    [400, "NotAuthorizedException", "Refresh Token has been revoked"],
    [400, "NotAuthorizedException", "Invalid Refresh Token."],
    [400, "NotAuthorizedException", "User is disabled."],
    [400, "UserNotFoundException", "User does not exist."],
    [400, "UserNotConfirmedException", "User is not confirmed."],
    [400, "PasswordResetRequiredException", "Password reset required for the user"],
  ],
  transient: [
    [400, "TooManyRequestsException", "Rate exceeded"],
    [400, "LimitExceededException", "Attempt limit exceeded, please try after some time."],
    [429, "TooManyRequestsException", "Too many requests"],
    [400, "ForbiddenException", "Request not allowed due to WAF block."],
    [
      400,
      "UnexpectedLambdaException",
      "PreTokenGeneration invocation failed due to error TooManyRequestsException.",
    ],
    [400, "UserLambdaValidationException", "PreTokenGeneration failed with error timed out."],
    [400, "InvalidParameterException", "Something new"],
    [400, "SomethingNewException", "Something new"],
    [500, "InternalErrorException", "Something went wrong"],
    [503, "ServiceUnavailable", "Service unavailable"],
  ],
} as const;

test.each(REFUSALS.ended)("%i %s “%s” ends the session", async (status, __type, message) => {
  const { open, state } = world();
  const account = open();
  await account.signIn("a", "b");
  state.answer = () => json(status, { __type, message });
  await expect(account.idToken(true)).rejects.toBeInstanceOf(CognitoError);
  expect(state.ended).toBe(1);
  expect(account.isRemembered).toBe(false);
});

test.each([
  ...REFUSALS.transient.map(
    ([status, __type, message]) => [`${status} ${__type}`, () => json(status, { __type, message })] as const,
  ),
  ["a page of another site", () => new Response("<html>Sign in to the Wi-Fi</html>", { status: 200 })],
  ["an answer without tokens", () => json(200, {})],
  [
    "no answer",
    () => {
      throw new TypeError("Failed to fetch");
    },
  ],
] as const)("%s while renewing keeps the session, and the next attempt may succeed", async (_, answer) => {
  const { open, state } = world();
  const account = open();
  await account.signIn("a", "b");
  state.answer = answer;
  const error = await account.idToken(true).catch((reason: unknown) => reason);
  expect(isOutage(error)).toBe(true);
  expect([state.ended, account.isRemembered]).toEqual([0, true]);
  state.answer = undefined;
  expect(await account.idToken(true)).not.toBe("");
});

test("while Cognito throttles, a valid ID token stays in use", async () => {
  const { open, state, requests, clock } = world();
  const account = open();
  await account.signIn("a", "b");
  const token = await account.idToken();
  state.answer = () => json(400, { __type: "TooManyRequestsException", message: "Rate exceeded" });
  clock.time += 56 * 60_000;
  expect(await account.idToken()).toBe(token);
  expect(await account.idToken()).toBe(token);
  expect(requests).toHaveLength(2); // not every call reaches Cognito
  clock.time += 30_000;
  expect(await account.idToken()).toBe(token);
  expect(requests).toHaveLength(3);
  clock.time += 4 * 60_000;
  await expect(account.idToken()).rejects.toBeInstanceOf(TokenUnavailable);
  state.answer = undefined;
  expect(await account.idToken()).not.toBe(token);
  expect(state.ended).toBe(0);
});

test("an upload of ten hours survives an hour in which Cognito throttles", async () => {
  const { open, state, requests, clock } = world();
  const account = open();
  await account.signIn("a", "b");
  const cloud = new Cloud();
  cloud.sheetSize = 1; // every part needs a request to the API
  cloud.hosts = ["one.test"];
  cloud.fault = () => {
    cloud.clock.time += 600_000;
    clock.time = cloud.clock.time;
    return undefined;
  };
  const [from, to] = [clock.time + 3 * 3_600_000, clock.time + 4 * 3_600_000];
  const throttled = () => json(400, { __type: "TooManyRequestsException", message: "Rate exceeded" });
  const idToken = (renew: boolean) => {
    clock.time = cloud.clock.time;
    state.answer = clock.time >= from && clock.time < to ? throttled : undefined;
    return account.idToken(renew);
  };
  const upload = await cloud.engine({ connectionsPerHost: 1 }, {}, idToken).upload(fileOf(600)).run();
  expect(upload.state).toBe("uploaded");
  expect(state.ended).toBe(0);
  expect(requests.length).toBeGreaterThan(10);
  expect(cloud.clock.waits).toContain(30_000); // the last token expired meanwhile, and the upload waited
});

test("a wrong password is refused, and ends no session", async () => {
  const { open, state } = world();
  state.answer = () => json(400, { __type: "com.amazonaws#NotAuthorizedException", message: "Incorrect" });
  await expect(open().signIn("a", "b")).rejects.toMatchObject({ code: "NotAuthorizedException" });
  expect(state.ended).toBe(0);
});

test("an account whose password an administrator set requires another password", async () => {
  const { open, requests, state, entries } = world();
  const account = open();
  state.answer = () =>
    json(200, {
      ChallengeName: "NEW_PASSWORD_REQUIRED",
      ChallengeParameters: { USER_ID_FOR_SRP: "the-sub", requiredAttributes: "[]" },
      Session: "session",
    });
  const required = await account.signIn("zoë@example.com", "given").catch((error: unknown) => error);
  expect(required).toBeInstanceOf(NewPasswordRequired);
  expect(account.isRemembered).toBe(false);

  const AuthenticationResult = { IdToken: idToken("zoë@example.com", 1), RefreshToken: "r", ExpiresIn: 3600 };
  state.answer = () => json(200, { AuthenticationResult });
  await account.chooseFirstPassword(required as NewPasswordRequired, "chosen");

  expect(requests[1]).toEqual({
    ClientId: "client",
    ChallengeName: "NEW_PASSWORD_REQUIRED",
    Session: "session",
    ChallengeResponses: { USERNAME: "the-sub", NEW_PASSWORD: "chosen" },
  });
  expect(account.email).toBe("zoë@example.com");
  expect([...entries.values()]).toEqual(["r"]);
});

test("a second factor is not supported, and the error has its name", async () => {
  const { open, state } = world();
  state.answer = () => json(200, { ChallengeName: "SOFTWARE_TOKEN_MFA", Session: "session" });
  await expect(open().signIn("zoë@example.com", "secret")).rejects.toMatchObject({
    code: "SOFTWARE_TOKEN_MFA",
  });
});

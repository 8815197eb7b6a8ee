// The calls to an Amazon Cognito user pool that a public client may make, with fetch instead of an SDK.
// Must not know where tokens are kept, nor how the forms look.
//
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_Operations.html
import type { Fetch } from "../../upload/api/api";
import { NetworkError } from "../../upload/errors";

export type Tokens = { idToken: string; refreshToken: string; expiresIn: number };

/** Cognito refused a call. `code` is the name of its exception, such as NotAuthorizedException. */
export class CognitoError extends Error {
  override readonly name = "CognitoError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The password is right but temporary, because an administrator set it. The person must choose another one. */
export class NewPasswordRequired extends Error {
  override readonly name = "NewPasswordRequired";
  readonly username: string;
  readonly session: string;

  constructor(username: string, session: string) {
    super("The account needs a new password");
    this.username = username;
    this.session = session;
  }
}

/** The exceptions that end a session: the refresh token or its user is no longer valid. */
const SESSION_ENDED: ReadonlySet<string> = new Set([
  "NotAuthorizedException",
  "UserNotFoundException",
  "UserNotConfirmedException",
  "PasswordResetRequiredException",
]);

/** A call without an answer fails after this time (milliseconds). */
const TIMEOUT = 20_000;

/**
 * Whether the person must sign in again. All other errors may be transient: throttling (TooManyRequestsException and
 * LimitExceededException come with status 400), failures inside Cognito or a trigger, and unknown codes.
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html#API_InitiateAuth_Errors
 */
export function isSessionEnded(error: unknown): boolean {
  return error instanceof CognitoError && SESSION_ENDED.has(error.code);
}

export type Cognito = { endpoint: string; clientId: string; fetch: Fetch };

/** Rejects with NewPasswordRequired when an administrator set the password. */
export function signInWithPassword(cognito: Cognito, email: string, password: string): Promise<Tokens> {
  return initiateAuth(cognito, "USER_PASSWORD_AUTH", { USERNAME: email, PASSWORD: password });
}

export function refreshTokens(cognito: Cognito, refreshToken: string): Promise<Tokens> {
  return initiateAuth(cognito, "REFRESH_TOKEN_AUTH", { REFRESH_TOKEN: refreshToken });
}

/** Replaces the password that an administrator set, and signs in. */
export async function chooseFirstPassword(
  cognito: Cognito,
  { username, session }: NewPasswordRequired,
  password: string,
): Promise<Tokens> {
  const answer = await call(cognito, "RespondToAuthChallenge", {
    ChallengeName: NEW_PASSWORD,
    Session: session,
    ChallengeResponses: { USERNAME: username, NEW_PASSWORD: password },
  });
  return tokensIn(answer);
}

/** Makes a refresh token invalid before it expires. */
export async function revokeToken(cognito: Cognito, refreshToken: string): Promise<void> {
  await call(cognito, "RevokeToken", { Token: refreshToken });
}

/** Creates an account and emails its code. Returns true when the account needs no confirmation. */
export async function signUp(cognito: Cognito, email: string, password: string): Promise<boolean> {
  const UserAttributes = [{ Name: "email", Value: email }];
  const answer = await call(cognito, "SignUp", { Username: email, Password: password, UserAttributes });
  return answer.UserConfirmed === true;
}

export async function confirmSignUp(cognito: Cognito, email: string, code: string): Promise<void> {
  await call(cognito, "ConfirmSignUp", { Username: email, ConfirmationCode: code });
}

/** Emails a new code for an account that is not confirmed. */
export async function resendCode(cognito: Cognito, email: string): Promise<void> {
  await call(cognito, "ResendConfirmationCode", { Username: email });
}

/** Emails a code that allows a new password. */
export async function forgotPassword(cognito: Cognito, email: string): Promise<void> {
  await call(cognito, "ForgotPassword", { Username: email });
}

export type NewPassword = { email: string; code: string; password: string };

export async function resetPassword(cognito: Cognito, { email, code, password }: NewPassword): Promise<void> {
  const body = { Username: email, ConfirmationCode: code, Password: password };
  await call(cognito, "ConfirmForgotPassword", body);
}

const NEW_PASSWORD = "NEW_PASSWORD_REQUIRED";

type Answer = {
  AuthenticationResult?: { IdToken: string; RefreshToken?: string; ExpiresIn: number };
  ChallengeName?: string;
  ChallengeParameters?: { USER_ID_FOR_SRP?: string };
  Session?: string;
  UserConfirmed?: boolean;
  __type?: string;
  message?: string;
  Message?: string;
};

async function initiateAuth(
  cognito: Cognito,
  flow: string,
  parameters: Record<string, string>,
): Promise<Tokens> {
  const answer = await call(cognito, "InitiateAuth", { AuthFlow: flow, AuthParameters: parameters });
  if (answer.ChallengeName === NEW_PASSWORD) {
    const username = answer.ChallengeParameters?.USER_ID_FOR_SRP ?? parameters.USERNAME ?? "";
    throw new NewPasswordRequired(username, answer.Session ?? "");
  }
  return tokensIn(answer, parameters.REFRESH_TOKEN);
}

/** Cognito does not always return a new refresh token. */
function tokensIn(answer: Answer, refreshToken = ""): Tokens {
  const result = answer.AuthenticationResult;
  if (!result) throw refusal(400, answer);
  return {
    idToken: result.IdToken,
    refreshToken: result.RefreshToken ?? refreshToken,
    expiresIn: result.ExpiresIn,
  };
}

async function call(cognito: Cognito, operation: string, body: object): Promise<Answer> {
  const response = await post(cognito, operation, { ClientId: cognito.clientId, ...body });
  const answer = (await response.json().catch(() => ({}))) as Answer;
  if (!response.ok) throw refusal(response.status, answer);
  return answer;
}

async function post({ endpoint, fetch }: Cognito, operation: string, body: object): Promise<Response> {
  const headers = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
  };
  try {
    const url = `${endpoint.replace(/\/+$/, "")}/`;
    const signal = AbortSignal.timeout(TIMEOUT);
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    throw new NetworkError(`Cognito ${operation}: no answer`, { cause: error });
  }
}

function refusal(status: number, answer: Answer): Error {
  if (status >= 500) return new NetworkError(`Cognito answered ${status}`);
  const code = answer.__type?.split("#").pop() ?? answer.ChallengeName ?? `http_${status}`;
  // Cognito puts the name of the trigger before the message of a Lambda function.
  const message = (answer.message ?? answer.Message ?? code).replace(/^\w+ failed with error /, "");
  return new CognitoError(code, message);
}

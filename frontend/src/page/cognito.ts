// Signing in with an Amazon Cognito user pool: the InitiateAuth call, by fetch, without an SDK.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
// Must not know where tokens are kept.
import type { Fetch } from "../upload/api";
import { NetworkError } from "../upload/errors";

export type Tokens = { idToken: string; refreshToken: string; expiresIn: number };

/** Cognito refused: `code` is its exception's name, such as NotAuthorizedException. */
export class CognitoError extends Error {
  override readonly name = "CognitoError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type Cognito = { endpoint: string; clientId: string; fetch: Fetch };

export function signInWithPassword(cognito: Cognito, email: string, password: string): Promise<Tokens> {
  return initiateAuth(cognito, "USER_PASSWORD_AUTH", { USERNAME: email, PASSWORD: password });
}

export function refreshTokens(cognito: Cognito, refreshToken: string): Promise<Tokens> {
  return initiateAuth(cognito, "REFRESH_TOKEN_AUTH", { REFRESH_TOKEN: refreshToken });
}

type Answer = {
  AuthenticationResult?: { IdToken: string; RefreshToken?: string; ExpiresIn: number };
  ChallengeName?: string;
  __type?: string;
  message?: string;
  Message?: string;
};

async function initiateAuth(
  cognito: Cognito,
  flow: string,
  parameters: Record<string, string>,
): Promise<Tokens> {
  const response = await post(cognito, {
    AuthFlow: flow,
    ClientId: cognito.clientId,
    AuthParameters: parameters,
  });
  const answer = (await response.json().catch(() => ({}))) as Answer;
  const result = answer.AuthenticationResult;
  if (!response.ok || !result) throw refusal(response.status, answer);
  return {
    idToken: result.IdToken,
    refreshToken: result.RefreshToken ?? parameters.REFRESH_TOKEN ?? "",
    expiresIn: result.ExpiresIn,
  };
}

async function post({ endpoint, fetch }: Cognito, body: object): Promise<Response> {
  const headers = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
  };
  try {
    const url = `${endpoint.replace(/\/+$/, "")}/`;
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (error) {
    throw new NetworkError("Cognito: no answer", { cause: error });
  }
}

function refusal(status: number, answer: Answer): Error {
  if (status >= 500) return new NetworkError(`Cognito answered ${status}`);
  const code = answer.__type?.split("#").pop() ?? answer.ChallengeName ?? `http_${status}`;
  return new CognitoError(code, answer.message ?? answer.Message ?? code);
}

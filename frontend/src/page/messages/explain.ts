// Explains an error to a person: what happened and what to do. Must not know where the text is shown.
import {
  ApiError,
  Corrupted,
  InAnotherTab,
  NetworkError,
  NeverAnswered,
  PartError,
  ReadError,
  TokenUnavailable,
} from "../../upload/errors";
import { CognitoError } from "../account/cognito";
import { sentence } from "../formats";
import { strings } from "../strings";

export function explain(error: unknown): string {
  if (error instanceof NeverAnswered) return neverAnsweredText(error);
  if (error instanceof NetworkError) return strings.errors.network;
  if (error instanceof TokenUnavailable) return strings.errors.busy;
  if (error instanceof ReadError) return strings.errors.read;
  if (error instanceof Corrupted) return strings.errors.corrupted;
  if (error instanceof InAnotherTab) return strings.errors.anotherTab;
  if (error instanceof CognitoError) return cognitoText(error);
  if (error instanceof PartError) return partText(error);
  if (error instanceof ApiError) return error.status >= 500 ? strings.errors.busy : sentence(error.message);
  return strings.errors.unknown;
}

/** Browsers hide why there is no answer: a wrong address, an origin that is not allowed, or no network. */
function neverAnsweredText({ address }: NeverAnswered): string {
  return strings.errors.neverAnswered(address, globalThis.location?.origin ?? "this origin");
}

/**
 * Cognito uses one exception for many reasons, which differ in the message only. A locked or disabled account needs an
 * administrator or time, not another password.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
 */
function cognitoText({ code, message }: CognitoError): string {
  if (code === "NotAuthorizedException") {
    const words = strings.notAuthorized;
    if (/disabled/i.test(message)) return words.disabled;
    if (/attempts exceeded/i.test(message)) return words.locked;
    if (/session/i.test(message)) return words.session;
    if (/expired/i.test(message)) return words.temporary;
  }
  return strings.cognito[code] ?? message;
}

function partText(error: PartError): string {
  if (error.verdict === "outage") return strings.errors.busy;
  if (error.verdict === "damaged") return strings.errors.corrupted;
  if (error.verdict === "gone") return strings.errors.gone;
  return strings.errors.refused(error.code || `HTTP ${error.status}`);
}

// Errors in a person's words: what happened and what to do. Must not know where the line is shown.
import {
  ApiError,
  Corrupted,
  InAnotherTab,
  NetworkError,
  PartError,
  ReadError,
  TokenUnavailable,
} from "../upload/errors";
import { CognitoError } from "./cognito";
import { strings } from "./strings";

export function explain(error: unknown): string {
  if (error instanceof NetworkError) return strings.errors.network;
  if (error instanceof TokenUnavailable) return strings.errors.busy;
  if (error instanceof ReadError) return strings.errors.read;
  if (error instanceof Corrupted) return strings.errors.corrupted;
  if (error instanceof InAnotherTab) return strings.errors.anotherTab;
  if (error instanceof CognitoError) return strings.cognito[error.code] ?? error.message;
  if (error instanceof PartError) return partLine(error);
  if (error instanceof ApiError) return error.status >= 500 ? strings.errors.busy : error.message;
  return strings.errors.unknown;
}

function partLine(error: PartError): string {
  if (error.verdict === "outage") return strings.errors.busy;
  if (error.verdict === "damaged") return strings.errors.corrupted;
  if (error.verdict === "gone") return strings.errors.gone;
  return strings.errors.refused(error.code || `HTTP ${error.status}`);
}

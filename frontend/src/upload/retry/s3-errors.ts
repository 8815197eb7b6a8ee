// What an error response of S3 to a PUT or a form means for the upload: one table by S3's error code. The HTTP status
// decides only where the code is absent or unknown, because S3 uses one status for opposite meanings (400, 403, 409).
// Must not know parts, sheets or retries. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

/**
 * - `outage`: the next PUT of any part may fail in the same way. The upload waits until S3 recovers.
 * - `retry`: this PUT failed by chance. The part is sent again, a few times.
 * - `damaged`: the bytes that S3 received do not match the checksum. The part is sent again once.
 * - `refused`: the presigned URL or its credentials are no longer valid. The upload requests a new sheet.
 * - `arrived`: the object exists already. An earlier PUT succeeded, but its response was lost.
 * - `gone`: S3 no longer knows the multipart upload.
 * - `unsupported`: S3, or a proxy in front of it, does not take this kind of request. A PUT may succeed where a form
 *   fails.
 * - `fatal`: a retry cannot help.
 */
export type Verdict =
  | "outage"
  | "retry"
  | "damaged"
  | "refused"
  | "arrived"
  | "gone"
  | "unsupported"
  | "fatal";

const VERDICTS: ReadonlyMap<string, Verdict> = new Map([
  // S3 received nothing on the socket for about 20 seconds: the line failed, and other parts use it too. Status 400.
  ["RequestTimeout", "outage"],
  ["InternalError", "outage"],
  ["ServiceUnavailable", "outage"],
  ["SlowDown", "outage"],
  // The connection ended before the last byte. Status 400.
  ["IncompleteBody", "retry"],
  // Another PUT or DELETE of the key is in progress. Status 409.
  ["ConditionalRequestConflict", "retry"],
  ["OperationAborted", "retry"],
  ["BadDigest", "damaged"],
  // The temporary credentials that signed have expired, although the URL itself has not. Status 400.
  ["ExpiredToken", "refused"],
  ["InvalidToken", "refused"],
  ["TokenRefreshRequired", "refused"],
  // "Request has expired", or a policy that denies. They differ only in the message. Status 403.
  ["AccessDenied", "refused"],
  // The signature's date is more than 15 minutes off. A new sheet has a new date. Status 403.
  ["RequestTimeTooSkewed", "refused"],
  // `If-None-Match: *` was sent and the key has an object. Status 412.
  ["PreconditionFailed", "arrived"],
  ["NoSuchUpload", "gone"],
  ["MethodNotAllowed", "unsupported"],
  ["NotImplemented", "unsupported"],
]);

const BY_STATUS: ReadonlyMap<number, Verdict> = new Map([
  [403, "refused"],
  [404, "gone"],
  [405, "unsupported"],
  [408, "outage"],
  [409, "retry"],
  [410, "gone"],
  [411, "unsupported"],
  [412, "arrived"],
  [429, "outage"],
  [501, "unsupported"],
]);

export function verdictOf(status: number, code: string): Verdict {
  return VERDICTS.get(code) ?? BY_STATUS.get(status) ?? (status >= 500 ? "outage" : "fatal");
}

/** Parses S3's XML, `<Error><Code>…</Code><Message>…</Message>`. Absent texts are empty. */
export function parseS3Error(xml: string): { code: string; message: string } {
  const code = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1] ?? "";
  const message = /<Message>([^<]*)<\/Message>/.exec(xml)?.[1] ?? "";
  return { code, message };
}

// What S3's answer to a PUT or a form means for the upload: one table by S3's error code. The HTTP status decides only where the
// code is absent or unknown, because S3 sends errors with opposite meanings under one status (400, 403, 409).
// Must not know parts, sheets or retries. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

/**
 * - `outage`: the next PUT of any part may meet the same. The upload waits until S3 answers again.
 * - `retry`: this PUT failed by chance. The part is sent again, a few times.
 * - `damaged`: S3 received other bytes than the checksum names. The part is sent again once.
 * - `refused`: the presigned URL or its credentials are no longer good. The upload asks for a new sheet.
 * - `arrived`: the object exists already. An earlier PUT arrived and its answer was lost.
 * - `gone`: S3 no longer knows the multipart upload.
 * - `unsupported`: S3, or a proxy before it, does not take this kind of request. A form may be refused where a PUT is not.
 * - `fatal`: no repetition helps.
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
  // S3 heard nothing on the socket for about 20 seconds: the line failed, and other parts use the same line. Status 400.
  ["RequestTimeout", "outage"],
  ["InternalError", "outage"],
  ["ServiceUnavailable", "outage"],
  ["SlowDown", "outage"],
  // The connection ended before the last byte. Status 400.
  ["IncompleteBody", "retry"],
  // Another PUT or delete of the key is under way. Status 409.
  ["ConditionalRequestConflict", "retry"],
  ["OperationAborted", "retry"],
  ["BadDigest", "damaged"],
  // The session of the role that signed has ended, although the URL itself has not expired. Status 400.
  ["ExpiredToken", "refused"],
  ["InvalidToken", "refused"],
  ["TokenRefreshRequired", "refused"],
  // "Request has expired", or a policy that denies. S3 tells these apart only by the message. Status 403.
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

/** The code and the message of S3's XML, `<Error><Code>…</Code><Message>…</Message>`; empty where there is none. */
export function parseS3Error(xml: string): { code: string; message: string } {
  const code = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1] ?? "";
  const message = /<Message>([^<]*)<\/Message>/.exec(xml)?.[1] ?? "";
  return { code, message };
}

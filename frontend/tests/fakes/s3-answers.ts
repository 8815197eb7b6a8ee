// S3's error responses to a PUT: status and XML body, exactly as S3 sends them. Ids are shortened, and security tokens
// replaced. Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and responses that people have
// published: boto/boto#1399, anomalyco/sst#4301, ex-aws/ex_aws#228, aws/aws-sdk-js#3493,
// s3fs-fuse/s3fs-fuse#1019, aws-amplify/aws-sdk-ios#424, versity/versitygw#2044.
// Must not know how the engine reacts.

const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n';
const IDS =
  "<RequestId>1C21B1C2EEBB7923</RequestId><HostId>x3toTJ7BrP7rkUkH5pvmb/DDAAUosrJITlxqZlSIJZM=</HostId>";

function error(code: string, message: string, more = ""): string {
  return `${PROLOG}<Error><Code>${code}</Code><Message>${message}</Message>${more}${IDS}</Error>`;
}

export const S3_ANSWERS = {
  RequestTimeout: [
    400,
    error(
      "RequestTimeout",
      "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.",
    ),
  ],
  InternalError: [500, error("InternalError", "We encountered an internal error. Please try again.")],
  SlowDown: [503, error("SlowDown", "Please reduce your request rate.")],
  ServiceUnavailable: [503, error("ServiceUnavailable", "Service is unable to handle request.")],
  IncompleteBody: [400, error("IncompleteBody", "The request body terminated unexpectedly")],
  IncompleteBodyShort: [
    400,
    error(
      "IncompleteBody",
      "You did not provide the number of bytes specified by the Content-Length HTTP header",
      "<NumberBytesExpected>414435</NumberBytesExpected><NumberBytesProvided>407817</NumberBytesProvided>",
    ),
  ],
  BadDigest: [400, error("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")],
  ExpiredToken: [400, error("ExpiredToken", "The provided token has expired.", "<Token-0>T</Token-0>")],
  InvalidToken: [
    400,
    error("InvalidToken", "The provided token is malformed or otherwise invalid.", "<Token-0>T</Token-0>"),
  ],
  ExpiredUrl: [
    403,
    error(
      "AccessDenied",
      "Request has expired",
      "<X-Amz-Expires>900</X-Amz-Expires><Expires>2030-01-01T00:15:00Z</Expires><ServerTime>2030-01-01T00:15:07Z</ServerTime>",
    ),
  ],
  RequestTimeTooSkewed: [
    403,
    error(
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      "<RequestTime>20300101T001527Z</RequestTime><ServerTime>2030-01-01T00:00:01Z</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>",
    ),
  ],
  SignatureDoesNotMatch: [
    403,
    error(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    ),
  ],
  PreconditionFailed: [
    412,
    error(
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
      "<Condition>If-None-Match</Condition>",
    ),
  ],
  ConditionalRequestConflict: [
    409,
    error(
      "ConditionalRequestConflict",
      "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
  ],
  OperationAborted: [
    409,
    error(
      "OperationAborted",
      "A conflicting conditional operation is currently in progress against this resource. Try again.",
    ),
  ],
  NoSuchUpload: [
    404,
    error(
      "NoSuchUpload",
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    ),
  ],
  EntityTooLarge: [
    400,
    error(
      "EntityTooLarge",
      "Your proposed upload exceeds the maximum allowed size",
      "<ProposedSize>9</ProposedSize>",
    ),
  ],
  InvalidRequest: [400, error("InvalidRequest", "The algorithm type you specified is not supported.")],
} as const satisfies Record<string, readonly [number, string]>;

export type S3Answer = keyof typeof S3_ANSWERS;

import { expect, test } from "vitest";
import { parseS3Error, type Verdict, verdictOf } from "../../src/upload/retry/s3-errors";
import { S3_ANSWERS, type S3Answer } from "../fakes/s3-answers";

const VERDICTS: Record<S3Answer, Verdict> = {
  RequestTimeout: "outage",
  InternalError: "outage",
  SlowDown: "outage",
  ServiceUnavailable: "outage",
  IncompleteBody: "retry",
  IncompleteBodyShort: "retry",
  BadDigest: "damaged",
  ExpiredToken: "refused",
  InvalidToken: "refused",
  ExpiredUrl: "refused",
  RequestTimeTooSkewed: "refused",
  SignatureDoesNotMatch: "refused",
  PreconditionFailed: "arrived",
  ConditionalRequestConflict: "retry",
  OperationAborted: "retry",
  NoSuchUpload: "gone",
  EntityTooLarge: "fatal",
  InvalidRequest: "fatal",
};

test.each(Object.entries(S3_ANSWERS))("S3's error %s has the verdict of its code", (name, [status, body]) => {
  const { code } = parseS3Error(body);
  expect(verdictOf(status, code)).toBe(VERDICTS[name as S3Answer]);
});

test.each<[number, Verdict]>([
  [400, "fatal"],
  [401, "fatal"],
  [403, "refused"],
  [404, "gone"],
  [405, "unsupported"],
  [408, "outage"],
  [409, "retry"],
  [410, "gone"],
  [411, "unsupported"],
  [412, "arrived"],
  [413, "fatal"],
  [429, "outage"],
  [499, "fatal"],
  [500, "outage"],
  [501, "unsupported"],
  [503, "outage"],
  [599, "outage"],
])("status %i without a known code is %s", (status, verdict) => {
  expect(verdictOf(status, "")).toBe(verdict);
  expect(verdictOf(status, "SomethingNew")).toBe(verdict);
});

test("the code decides, not the status", () => {
  expect(verdictOf(403, "SlowDown")).toBe("outage");
  expect(verdictOf(500, "ExpiredToken")).toBe("refused");
});

test.each(["", "<html>Bad gateway</html>", "<Error></Error>", "{}"])("%j has no code", (body) => {
  expect(parseS3Error(body)).toEqual({ code: "", message: "" });
});

test("the code and the message are read from S3's XML", () => {
  expect(parseS3Error(S3_ANSWERS.ExpiredUrl[1])).toEqual({
    code: "AccessDenied",
    message: "Request has expired",
  });
});

import { expect, test } from "vitest";
import { CognitoError } from "../../src/page/account/cognito";
import { explain } from "../../src/page/messages/explain";
import { NeverAnswered } from "../../src/upload/errors";

test("a service that never answered is named, with what to check", () => {
  const error = new NeverAnswered("https://api.test", new Error("no answer"));
  expect(explain(error)).toMatch(
    /^https:\/\/api.test has not answered .* address, and that it allows pages of/,
  );
});

// Cognito's own words, of the developer guide and of people's reports.
test.each([
  ["NotAuthorizedException", "Incorrect username or password.", /not right/],
  ["NotAuthorizedException", "User is disabled.", /disabled.*Ask/],
  ["NotAuthorizedException", "Password attempts exceeded", /locked.*Wait/],
  [
    "NotAuthorizedException",
    "Temporary password has expired and must be reset by an administrator.",
    /Ask.*new one/,
  ],
  [
    "NotAuthorizedException",
    "User account has expired, it must be reset by an administrator.",
    /Ask.*new one/,
  ],
  ["NotAuthorizedException", "Invalid session for the user, session is expired.", /sign in again/],
  ["PasswordHistoryPolicyViolationException", "Password has been used before", /another one/],
  ["SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA", /second factor.*Ask/],
  [
    "UserLambdaValidationException",
    "Accounts are for example.com only",
    /^Accounts are for example.com only$/,
  ],
])("%s: %s", (code, message, told) => {
  expect(explain(new CognitoError(code, message))).toMatch(told);
});

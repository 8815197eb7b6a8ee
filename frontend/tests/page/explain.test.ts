import { expect, test } from "vitest";
import { CognitoError } from "../../src/page/account/cognito";
import { explain } from "../../src/page/messages/explain";
import { ApiError, NeverAnswered } from "../../src/upload/errors";

test("the text for a service that never answered has its address and says what to check", () => {
  const error = new NeverAnswered("https://api.test", new Error("no answer"));
  expect(explain(error)).toMatch(
    /^https:\/\/api.test has not answered .* address, and that it allows requests from/,
  );
});

// Cognito's messages, from its developer guide and from reports of its users.
test.each([
  ["NotAuthorizedException", "Incorrect username or password.", /is wrong/],
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
])("%s: %s", (code, message, text) => {
  expect(explain(new CognitoError(code, message))).toMatch(text);
});

test("a text of the API, which has no full stop, becomes a sentence", () => {
  expect(explain(new ApiError(413, { detail: "The limit is 100 bytes" }))).toBe("The limit is 100 bytes.");
});

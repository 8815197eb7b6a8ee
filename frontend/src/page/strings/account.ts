// The texts for signing in, creating an account, and Cognito's errors.

const secondFactor =
  "This account needs a second factor, which this page does not support. Ask the administrator of this site.";
const wrongPassword = "The email address or the password is wrong. Check both, then try again.";
const tooManyAttempts = "Too many attempts. Wait a moment, then try again.";

export const accountStrings = {
  signIn: {
    title: "Sign in",
    lead: "Upload files of any size directly to Amazon S3.",
    email: "Email",
    password: "Password",
    submit: "Sign in",
    demo: "Use the demo account",
    resuming: "Signing you in…",
    ended: "Your session has ended. Sign in again to resume your uploads.",
    toSignUp: "Create an account",
    toForgot: "Forgot your password?",
    back: "Back to sign in",
  },
  signUp: {
    title: "Create an account",
    lead: "You sign in with your email address. Hoist sends a code there to confirm it.",
    password: "Password",
    rule: "At least 10 characters, with uppercase and lowercase letters, a digit and a symbol.",
    submit: "Create account",
  },
  confirmAccount: { title: "Confirm your account", submit: "Confirm", resend: "Send a new code" },
  forgot: {
    title: "Choose a new password",
    lead: "Enter your email address. Hoist sends a code there that lets you choose a new password.",
    submit: "Send the code",
  },
  firstPassword: {
    title: "Choose your own password",
    lead: (email: string) =>
      `An administrator set the current password of ${email}. Choose one that only you know.`,
    password: "New password",
    submit: "Save and sign in",
  },
  reset: { title: "Choose a new password", password: "New password", submit: "Save and sign in" },
  mail: {
    code: "Code",
    sent: (email: string) =>
      `A code was sent to ${email}. It may take a minute to arrive. Check your spam folder, too.`,
    local: "Hoist runs locally and sends no email. Enter any code.",
  },
  /** By the names of Cognito's exceptions and challenges. */
  cognito: {
    NotAuthorizedException: wrongPassword,
    UserNotFoundException: wrongPassword,
    UsernameExistsException: "An account with this email address exists already. Sign in instead.",
    InvalidPasswordException: "This password is too weak. Follow the rule above.",
    CodeMismatchException: "This code is wrong. Enter the code of the newest email.",
    ExpiredCodeException: "This code has expired. Request a new one.",
    CodeDeliveryFailureException: "The code could not be sent. Check the email address.",
    TooManyRequestsException: tooManyAttempts,
    TooManyFailedAttemptsException: tooManyAttempts,
    LimitExceededException: tooManyAttempts,
    PasswordHistoryPolicyViolationException: "You used this password before. Choose another one.",
    PasswordResetRequiredException: "This account needs a new password. Choose “Forgot your password?”.",
    MFA_SETUP: secondFactor,
    SELECT_MFA_TYPE: secondFactor,
    SMS_MFA: secondFactor,
    SOFTWARE_TOKEN_MFA: secondFactor,
    EMAIL_OTP: secondFactor,
  } as Record<string, string>,
  /** The reasons for a NotAuthorizedException other than a wrong password. */
  notAuthorized: {
    disabled: "This account is disabled. Ask the administrator of this site to enable it.",
    locked:
      "This account is locked after too many wrong passwords. Wait 15 minutes, or choose “Forgot your password?”.",
    temporary: "Your temporary password has expired. Ask the administrator of this site for a new one.",
    session: "This step has timed out. Go back and sign in again.",
  },
  header: { signOut: "Sign out" },
  leave: {
    title: "Sign out now?",
    text: "Uploads are in progress. Signing out stops them and deletes the parts that were sent.",
    yes: "Stop and sign out",
    no: "Stay signed in",
  },
};

// Every word the page shows, in English: a translation is one more file like this.
// Must not hold markup or decide anything.
import type { State } from "../upload/api/contract";

const states: Record<State, string> = {
  uploading: "Uploading",
  uploaded: "Uploaded",
  processing: "Processing",
  accepted: "Accepted",
  rejected: "Rejected",
  failed: "Failed",
  aborted: "Aborted",
};

const factor =
  "This account asks for a second factor, which this page does not know. Ask whoever runs this site.";

const number = (count: number) => count.toLocaleString();
const files = (count: number) => (count === 1 ? "1 file" : `${number(count)} files`);
const be = (count: number) => (count === 1 ? "is" : "are");
const have = (count: number) => (count === 1 ? "has" : "have");

export const strings = {
  title: "Hoist",
  states,
  signIn: {
    title: "Sign in",
    lead: "Send files of any size, straight to Amazon S3.",
    email: "Email",
    password: "Password",
    submit: "Sign in",
    demo: "Use the demo account",
    resuming: "Signing you in…",
    ended: "You were signed out. Sign in again to go on.",
    toSignUp: "Create an account",
    toForgot: "Forgot your password?",
    back: "Back to sign in",
  },
  signUp: {
    title: "Create an account",
    lead: "Your email is your name here. A code is sent to it.",
    password: "Password",
    rule: "At least 10 characters: capital and small letters, a digit and a symbol.",
    submit: "Create account",
  },
  confirmAccount: { title: "Confirm your account", submit: "Confirm", resend: "Send a new code" },
  forgot: {
    title: "Choose a new password",
    lead: "A code is sent to your email, which opens your account to a new password.",
    submit: "Send the code",
  },
  firstPassword: {
    title: "Choose your own password",
    lead: (email: string) =>
      `The password of ${email} was given to you by whoever runs this site. Choose one that only you know.`,
    password: "New password",
    submit: "Save and sign in",
  },
  reset: { title: "Choose a new password", password: "New password", submit: "Save and sign in" },
  mail: {
    code: "Code",
    sent: (email: string) => `A code was sent to ${email}. It may take a minute, and may be among the spam.`,
    local: "This system runs on your own machine and sends no mail: any code is taken.",
  },
  /** What Cognito refuses, by its exceptions' names. */
  cognito: {
    NotAuthorizedException: "Email or password is not right.",
    UserNotFoundException: "Email or password is not right.",
    UsernameExistsException: "There is an account with this email already. Sign in instead.",
    InvalidPasswordException: "This password is too weak. See above what it needs.",
    CodeMismatchException: "This is not the code that was sent. Look at the newest mail.",
    ExpiredCodeException: "This code is too old. Ask for a new one.",
    CodeDeliveryFailureException: "The code could not be mailed. Check the address.",
    TooManyRequestsException: "Too many attempts. Wait a moment, then try again.",
    TooManyFailedAttemptsException: "Too many attempts. Wait a moment, then try again.",
    LimitExceededException: "Too many attempts. Wait a moment, then try again.",
    PasswordHistoryPolicyViolationException: "You had this password before. Choose another one.",
    PasswordResetRequiredException: "This account needs a new password: use “Forgot your password?”.",
    MFA_SETUP: factor,
    SELECT_MFA_TYPE: factor,
    SMS_MFA: factor,
    SOFTWARE_TOKEN_MFA: factor,
    EMAIL_OTP: factor,
  } as Record<string, string>,
  /** What Cognito says with NotAuthorizedException besides that the password is wrong. */
  notAuthorized: {
    disabled: "This account is disabled. Ask whoever runs this site to enable it.",
    locked:
      "Too many wrong passwords: this account is locked for a while. Wait 15 minutes, or use “Forgot your password?”.",
    temporary: "The password that you were given is too old. Ask whoever runs this site for a new one.",
    session: "That took too long. Go back and sign in again.",
  },
  header: { signOut: "Sign out" },
  drop: {
    title: "Upload files",
    limit: (size: string) => `Up to ${size} a file.`,
    types: (types: string) => `Allowed: ${types}.`,
  },
  /** Why a file is not even begun. */
  refused: {
    size: (name: string, most: string) => `${name} was not added: it is larger than ${most}.`,
    type: (name: string, types: string) => `${name} was not added: only ${types} may be uploaded.`,
    name: (name: string) => `${name} was not added: its name holds characters that are not allowed.`,
    longName: (name: string, most: number) =>
      `${name} was not added: its name is longer than ${most} characters.`,
  },
  /** Uppy's own strings by Uppy's names; those not here stay as Uppy has them. */
  uppy: {
    dashboardTitle: "Choose files to upload",
    dropPasteBoth: "Drop files or folders here, %{browseFiles} or %{browseFolders}",
    browseFiles: "browse files",
    browseFolders: "browse folders",
    failedToUpload: "%{file} was not uploaded.",
    noDuplicates: "%{fileName} is in the list already.",
  },
  /** Why nothing is sent just now. */
  waiting: {
    offline: "You are offline. Your uploads wait and resume by themselves.",
    api: (time: string) =>
      `The server has not answered since ${time}. Your uploads wait and resume by themselves.`,
    busy: (time: string) =>
      `The server has been busy or out of order since ${time}. Your uploads wait and resume by themselves.`,
    neverAnswered:
      "The server does not answer. Your uploads wait and start by themselves. Check your connection. If other pages work, tell whoever runs this site.",
    s3: (time: string) =>
      `Amazon S3 has taken no bytes since ${time}. Your uploads wait and resume by themselves.`,
    breaks: (size: string, time: string) =>
      `Your connection breaks before ${size} are through. This page has been trying since ${time} and keeps trying. Use another connection if there is one.`,
  },
  unfinished: {
    title: "Not finished yet",
    lead: "What was sent is kept for now. Only the rest is sent when you go on.",
    began: (time: string) => `begun ${time}`,
    expired: (time: string) => `was kept until ${time} and may be gone`,
    goOn: "Go on",
    goOnWith: (name: string) => `Go on with ${name}`,
    choose: "Choose the file",
    chooseFor: (name: string) => `Choose ${name} again to go on`,
    chooseFiles: "Choose the files again",
    chooseFolder: "Choose the folder again",
    chooseFolderFor: (name: string) => `Choose the folder ${name} again to go on`,
    missing: (missing: number, count: number) => {
      if (count === 1) return "not sent";
      return `${number(missing)} of ${number(count)} files ${be(missing)} missing`;
    },
    files: (first: string, others: number) => (others > 0 ? `${first} and ${number(others)} more` : first),
    /** What becomes of what was chosen again. */
    sending: (count: number) =>
      `${files(count)} that ${count === 1 ? "was" : "were"} missing ${be(count)} sent now.`,
    changed: (count: number) => `${files(count)} ${have(count)} changed since and ${be(count)} sent anew.`,
    arrived: (count: number) => `${files(count)} had arrived before and ${be(count)} not sent again.`,
    others: (count: number) =>
      `${files(count)} ${be(count)} new and ${be(count)} left out. Drop the folder to send all of it.`,
    none: (name: string) => `None of the files that are missing of ${name} is in what you chose.`,
    anotherTab: (name: string) => `${name} is being sent in another tab of this browser.`,
    giveUp: "Give up",
    giveUpOn: (name: string) => `Give up ${name}`,
    other: (name: string) => `That is not ${name} as it was: its name or size differs. Choose it again.`,
    gone: (name: string) => `${name} cannot be opened any more. Choose it where it is now.`,
  },
  uploads: {
    title: "My uploads",
    empty: "Nothing here yet. Files you upload appear here, with their outcome.",
    loading: "Loading your uploads…",
    more: "Show more",
    offline: "Not live just now, reconnecting…",
    filter: "Show",
    all: "All",
    none_in_state: "No uploads in this state.",
    notify: "Notify me",
    notifyTitle: "Tell me about outcomes while this tab is in the background",
    progressOf: (name: string) => `Progress of ${name}`,
    sent: (sent: string, total: string) => `${sent} of ${total}`,
    speed: (speed: string) => `${speed}/s`,
    left: (time: string) => `${time} left`,
    paused: "paused",
    waiting: "waiting",
    resumeBefore: (time: string) => `Resume before ${time}`,
    late: (left: string, time: string) =>
      `At this speed it takes ${left} more, but what was sent is kept until ${time} only. Use a faster connection, or send a smaller file.`,
    again: "sent again from the beginning",
    download: "Download",
    delete: "Delete",
    report: "Report",
    downloadOf: (name: string) => `Download ${name}`,
    deleteOf: (name: string) => `Delete ${name}`,
    empty_report: "The report is empty.",
    yes: "yes",
    no: "no",
    none: "none",
  },
  mailing: {
    label: "Email me",
    pending: (address: string) => `Confirm the email that was sent to ${address}.`,
    on: (address: string) => `Outcomes are sent to ${address}.`,
    stopped: (address: string) =>
      `Mail to ${address} has stopped: a link in a mail ended it, or nobody confirmed the address in time. Some mail programs open links by themselves. Switch it on to get mail again.`,
    leaveOff: "Leave it off",
    again: "Send it again",
    sentAgain: (address: string) => `It was sent to ${address} again. Open the link in it.`,
  },
  confirm: {
    title: (name: string) => `Delete ${name}?`,
    finished: "The file is removed from Amazon S3. This cannot be undone.",
    unfinished: "The upload is stopped and what was sent is removed.",
    yes: "Delete",
    no: "Keep",
  },
  giveUpDrop: {
    title: (name: string) => `Give up ${name}?`,
    text: "Its missing files are not offered any more, and what was sent of them is removed. Files that arrived stay.",
    yes: "Give up",
    no: "Keep",
  },
  leave: {
    title: "Sign out now?",
    text: "Uploads are under way. Signing out stops them and removes what was sent.",
    yes: "Stop and sign out",
    no: "Stay",
  },
  /** The outcome of one file, and the same outcome of several files within seconds. */
  outcomes: {
    accepted: {
      one: (name: string, _: string) => `${name} was accepted.`,
      many: (count: number) => `${files(count)} were accepted.`,
    },
    rejected: {
      one: (name: string, reason: string) => `${name} was rejected. ${reason}`.trim(),
      many: (count: number) => `${files(count)} were rejected. The list says why.`,
    },
    failed: {
      one: (name: string, reason: string) => `${name} could not be processed. ${reason}`.trim(),
      many: (count: number) => `${files(count)} could not be processed. The list says why.`,
    },
  },
  toasts: {
    restarted: (name: string) =>
      `Amazon S3 no longer had what was sent of ${name}. It is sent again from the beginning.`,
    notSaved: (name: string) => `${name} could not be downloaded. Try again in a minute.`,
    close: "Close",
  },
  errors: {
    network: "The server cannot be reached. Check your connection, then try again.",
    neverAnswered: (address: string, origin: string) =>
      `${address} has not answered since this page was opened. Check your connection, this address, and that it allows pages of ${origin}. Then try again.`,
    config: "The page could not load its settings. Check your connection, then reload.",
    read: "The file could not be read. It may have been moved or changed: choose it again.",
    corrupted:
      "The file was damaged on its way several times. Check your network and your disk, then try again.",
    gone: "Amazon S3 no longer has what was sent of this file. Try again to send it from the beginning.",
    anotherTab: "The file is being sent in another tab of this browser. Close that tab, then retry.",
    refused: (reason: string) => `Amazon S3 refused the file: ${reason}`,
    busy: "The server is busy or has a problem. Try again in a moment.",
    unknown: "Something went wrong. Try again.",
    retry: "Try again",
    reload: "Reload",
  },
};

// Every word the page shows, in English: a translation is one more file like this.
// Must not hold markup or decide anything.
import type { State } from "../upload/contract";

const states: Record<State, string> = {
  uploading: "Uploading",
  uploaded: "Uploaded",
  processing: "Processing",
  accepted: "Accepted",
  rejected: "Rejected",
  failed: "Failed",
  aborted: "Aborted",
};

export const strings = {
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
    wrong: "Email or password is not right.",
    unconfirmed: "This account is not confirmed yet. Open the link or enter the code in your email first.",
    tooMany: "Too many attempts. Wait a moment, then try again.",
    challenge: "This account needs a new password before it can be used here. Ask whoever runs this site.",
  },
  header: { signOut: "Sign out" },
  drop: {
    limit: (size: string) => `Up to ${size} a file.`,
    types: (types: string) => `Allowed: ${types}.`,
  },
  /** Uppy's own strings by Uppy's names; those not here stay as Uppy has them. */
  uppy: {
    dashboardTitle: "Choose files to upload",
    dropPasteBoth: "Drop files or folders here, %{browseFiles} or %{browseFolders}",
    browseFiles: "browse files",
    browseFolders: "browse folders",
    failedToUpload: "%{file} was not uploaded.",
    exceedsSize: "%{file} is larger than %{size}, the most a file may have.",
    youCanOnlyUploadFileTypes: "Only these types may be uploaded: %{types}.",
    noDuplicates: "%{fileName} is in the list already.",
  },
  uploads: {
    title: "My uploads",
    empty: "Nothing here yet. Files you upload appear here, with their outcome.",
    loading: "Loading your uploads…",
    more: "Show more",
    offline: "Not live just now, reconnecting…",
    download: "Download",
    delete: "Delete",
    report: "Report",
    reason: "Reason",
    downloadOf: (name: string) => `Download ${name}`,
    deleteOf: (name: string) => `Delete ${name}`,
    empty_report: "The report is empty.",
    yes: "yes",
    no: "no",
    none: "none",
  },
  confirm: {
    title: (name: string) => `Delete ${name}?`,
    finished: "The file is removed from Amazon S3. This cannot be undone.",
    unfinished: "The upload is stopped and what was sent is removed.",
    yes: "Delete",
    no: "Keep",
  },
  leave: {
    title: "Sign out now?",
    text: "Uploads are under way. Signing out stops them and removes what was sent.",
    yes: "Stop and sign out",
    no: "Stay",
  },
  toasts: {
    accepted: (name: string) => `${name} was accepted.`,
    rejected: (name: string, reason: string) => `${name} was rejected. ${reason}`.trim(),
    failed: (name: string, reason: string) => `${name} could not be processed. ${reason}`.trim(),
    close: "Close",
  },
  errors: {
    network: "The server cannot be reached. Check your connection, then try again.",
    config: "The page could not load its settings. Check your connection, then reload.",
    read: "The file could not be read. It may have been moved or changed: choose it again.",
    corrupted:
      "S3 received other bytes than were read, again and again. Check the line and the disk, then retry.",
    anotherTab: "The file is being sent in another tab of this browser. Close that tab, then retry.",
    refused: (reason: string) => `Amazon S3 refused the file: ${reason}`,
    busy: "The server is busy or has a problem. Try again in a moment.",
    unknown: "Something went wrong. Try again.",
    retry: "Try again",
    reload: "Reload",
  },
};

// Every text that the page shows, in English. A translation replaces this file and the folder beside it.
// Must not hold markup or decide anything.
import { accountStrings } from "./strings/account";
import { uploadStrings } from "./strings/uploads";

const resumes = "Your uploads wait and resume automatically.";

export const strings = {
  ...accountStrings,
  ...uploadStrings,
  title: "Hoist",
  version: (version: string) => `Hoist ${version}`,
  /** The accessible name of a button that stands beside a name: what it does, and to what. */
  buttonFor: (action: string, name: string) => `${action}: ${name}`,
  picker: {
    title: "Upload files",
    limit: (size: string) => `Up to ${size} per file.`,
    types: (types: string) => `Allowed types: ${types}.`,
  },
  /** Why a file is refused before it is sent. */
  refused: {
    size: (name: string, most: string) => `${name} was not added: it is larger than ${most}.`,
    type: (name: string, types: string) => `${name} was not added: the allowed types are ${types}.`,
    name: (name: string) =>
      `${name} was not added: its name contains characters that are not allowed. Rename it, then try again.`,
    longName: (name: string, most: number) =>
      `${name} was not added: its name is longer than ${most} characters. Rename it, then try again.`,
  },
  /** Replaces some of Uppy's own texts, under Uppy's names for them. */
  uppy: {
    dashboardTitle: "Choose files to upload",
    dropPasteBoth: "Drop files or folders here, %{browseFiles} or %{browseFolders}",
    browseFiles: "browse files",
    browseFolders: "browse folders",
    failedToUpload: "%{file} was not uploaded.",
    noDuplicates: "%{fileName} is already in the list.",
  },
  /** Why no upload makes progress. */
  waiting: {
    offline: `You are offline. ${resumes}`,
    api: (time: string) => `The server has not answered since ${time}. ${resumes}`,
    busy: (time: string) => `The server has been busy or failing since ${time}. ${resumes}`,
    neverAnswered:
      "The server does not answer. Your uploads wait and start automatically. Check your connection. If other sites work, contact the administrator of this site.",
    s3: (time: string) => `Amazon S3 has accepted no data since ${time}. ${resumes}`,
    breaks: (size: string, time: string) =>
      `Your connection breaks before ${size} are sent. This page has been retrying since ${time} and continues. Use another connection if you can.`,
  },
  toasts: {
    restarted: (name: string) =>
      `Amazon S3 no longer has the parts of ${name}. The upload starts again from the beginning.`,
    notSaved: (name: string) => `${name} could not be downloaded. Try again in a minute.`,
    close: "Close",
  },
  errors: {
    network: "The server cannot be reached. Check your connection, then try again.",
    neverAnswered: (address: string, origin: string) =>
      `${address} has not answered since you opened this page. Check your connection, this address, and that it allows requests from ${origin}. Then try again.`,
    config: "The page could not load its settings. Check your connection, then reload.",
    read: "The file could not be read. It may have been moved or changed: choose it again.",
    corrupted:
      "The file was damaged on its way several times. Check your network and your disk, then try again.",
    gone: "Amazon S3 no longer has the parts of this file. Retry to send it from the beginning.",
    anotherTab: "Another tab of this browser is uploading this file. Close that tab, then retry.",
    refused: (reason: string) =>
      `Amazon S3 refused the file (${reason}). Retry, or contact the administrator of this site.`,
    busy: "The server is busy or has a problem. Try again in a moment.",
    unknown: "Something went wrong. Try again.",
    retry: "Retry",
    reload: "Reload",
  },
};

// The texts of the list of uploads, of unfinished uploads, and of emails about outcomes.
import type { State } from "../../upload/api/contract";

const states: Record<State, string> = {
  uploading: "Uploading",
  uploaded: "Uploaded",
  processing: "Processing",
  accepted: "Accepted",
  rejected: "Rejected",
  failed: "Failed",
  aborted: "Aborted",
};

const number = (count: number) => count.toLocaleString();
const files = (count: number) => (count === 1 ? "1 file" : `${number(count)} files`);
const be = (count: number) => (count === 1 ? "is" : "are");
const have = (count: number) => (count === 1 ? "has" : "have");

export const uploadStrings = {
  states,
  uploads: {
    title: "My uploads",
    empty: "No uploads yet. The files that you upload appear here.",
    loading: "Loading your uploads…",
    more: "Show more",
    offline: "Live updates paused. Reconnecting…",
    filter: "Show",
    all: "All",
    noneInState: "No uploads in this state.",
    notify: "Notify me",
    notifyTitle: "Show browser notifications while this tab is in the background",
    progressOf: (name: string) => `Progress of ${name}`,
    sent: (sent: string, total: string) => `${sent} of ${total}`,
    speed: (speed: string) => `${speed}/s`,
    remaining: (time: string) => `${time} left`,
    paused: "paused",
    waiting: "waiting",
    resumeBefore: (time: string) => `resume before ${time}`,
    late: (remaining: string, time: string) =>
      `At this speed the upload takes ${remaining} more, but its parts are kept only until ${time}. Use a faster connection or a smaller file.`,
    restarted: "restarted from the beginning",
    download: "Download",
    delete: "Delete",
    report: "Report",
    emptyReport: "The report is empty.",
    yes: "yes",
    no: "no",
    none: "none",
  },
  unfinished: {
    title: "Unfinished uploads",
    lead: "The data sent so far is kept for now. To send only the rest, resume or choose the same file again.",
    started: (time: string) => `started ${time}`,
    expired: (time: string) => `kept until ${time}, may be deleted now`,
    resume: "Resume",
    choose: "Choose the file",
    chooseFiles: "Choose the files again",
    chooseFolder: "Choose the folder again",
    discard: "Discard",
    missing: (missing: number, count: number) =>
      count === 1 ? "not sent" : `${number(missing)} of ${number(count)} files ${be(missing)} missing`,
    files: (first: string, others: number) => (others > 0 ? `${first} and ${number(others)} more` : first),
    /** What happens with the files that a person chose again. */
    sending: (count: number) => `Sending ${number(count)} missing ${count === 1 ? "file" : "files"}.`,
    changed: (count: number) =>
      `${files(count)} ${have(count)} changed and ${be(count)} sent from the beginning.`,
    arrived: (count: number) =>
      `${files(count)} ${have(count)} already arrived and ${be(count)} not sent again.`,
    others: (count: number) =>
      `${files(count)} ${be(count)} new and ${be(count)} not sent. Drop the folder to send all its files.`,
    none: (name: string) =>
      `You chose none of the missing files of ${name}. Choose the same folder or files again.`,
    anotherTab: (name: string) =>
      `Another tab of this browser is uploading ${name}. Wait until it is done, or close that tab.`,
    other: (name: string) => `This file is not ${name}: its name or size differs. Choose ${name} again.`,
    gone: (name: string) =>
      `${name} could not be opened. It may have been moved or changed: choose it again.`,
  },
  mailing: {
    label: "Email me",
    pending: (address: string) => `An email was sent to ${address}. Open the link in it to confirm.`,
    on: (address: string) => `The outcome of each upload is emailed to ${address}.`,
    stopped: (address: string) =>
      `Emails to ${address} have stopped: a link in an email ended them, or the address was not confirmed in time. Some email programs open links automatically. Switch “Email me” on to get emails again.`,
    leaveOff: "Leave it off",
    again: "Resend the email",
    sentAgain: (address: string) => `The email was sent to ${address} again. Open the link in it to confirm.`,
  },
  delete: {
    title: (name: string) => `Delete ${name}?`,
    finished: "The file is deleted from Amazon S3. This cannot be undone.",
    unfinished: "The upload stops, and the parts that were sent are deleted.",
    yes: "Delete",
    no: "Keep",
  },
  discard: {
    title: (name: string) => `Discard ${name}?`,
    file: "The parts that were sent are deleted. This cannot be undone.",
    drop: "The parts of the missing files are deleted, and these files are no longer offered. Files that arrived are kept.",
    yes: "Discard",
    no: "Keep",
  },
  /** The outcome of one file, and the same outcome of several files within seconds. */
  outcomes: {
    accepted: {
      one: (name: string, _: string) => `${name} was accepted.`,
      many: (count: number) => `${files(count)} were accepted.`,
    },
    rejected: {
      one: (name: string, reason: string) => `${name} was rejected. ${reason}`.trim(),
      many: (count: number) => `${files(count)} were rejected. The list shows the reasons.`,
    },
    failed: {
      one: (name: string, reason: string) => `${name} could not be processed. ${reason}`.trim(),
      many: (count: number) => `${files(count)} could not be processed. The list shows the reasons.`,
    },
  },
};

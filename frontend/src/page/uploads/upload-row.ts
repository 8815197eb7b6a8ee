// One upload in the list. Changes in place, so that the focus and an open report stay.
// Must not know the API: its buttons call the actions that it gets.
import type { Upload } from "../../upload/api/contract";
import { button, element } from "../elements";
import { formatDuration, formatSize, formatTime, sentence } from "../formats";
import { strings } from "../strings";
import { reportList } from "./report";
import type { Progress } from "./speed-meter";
import type { Row } from "./upload-store";

/** The progress of an upload that this page sends. */
export type UploadProgress = Progress & {
  paused: boolean;
  /** A service does not answer. */
  isWaiting: boolean;
  error: string | undefined;
  /** When S3 deletes the parts (ISO 8601). */
  deadline: string | undefined;
  /** At its speed the file is not sent before the deadline. */
  isLate: boolean;
  /** The upload started again, because S3 no longer had its parts. */
  isRestarted: boolean;
};

export type RowActions = { download: (upload: Upload) => void; delete: (upload: Upload) => void };

const words = strings.uploads;

export class UploadRow {
  readonly element = element("li", { class: "upload", "data-testid": "upload" });
  readonly #name = element("span", { class: "name" });
  readonly #meta = element("span", { class: "meta" });
  readonly #badge = element("span", { class: "badge" });
  readonly #bar = element("progress", { max: "1" });
  readonly #progressText = element("span", { class: "meta" });
  readonly #progress = element("div", { class: "progress", hidden: true, "data-testid": "progress" });
  readonly #problem = element("p", { class: "reason", hidden: true });
  readonly #report = element("details", { class: "report", "data-testid": "report", hidden: true });
  readonly #download: HTMLButtonElement;
  readonly #delete: HTMLButtonElement;
  #row: Row;
  #reportText = "";
  #labelTime: string | undefined;

  constructor(row: Row, actions: RowActions) {
    this.#row = row;
    this.#download = button("button", words.download, {
      "data-testid": "download",
      onclick: () => actions.download(this.upload),
    });
    this.#delete = button("button quiet", words.delete, {
      "data-testid": "delete",
      onclick: () => actions.delete(this.upload),
    });
    this.#progress.append(this.#bar, this.#progressText);
    this.element.append(
      element("div", { class: "summary" }, this.#name, this.#meta),
      this.#badge,
      element("div", { class: "buttons" }, this.#download, this.#delete),
      this.#progress,
      this.#problem,
      this.#report,
    );
    this.update(row);
  }

  get upload(): Upload {
    return this.#row.upload;
  }

  get row(): Row {
    return this.#row;
  }

  update(row: Row): void {
    this.#row = row;
    const { upload, states } = row;
    this.#label(upload);
    Object.assign(this.element.dataset, {
      id: upload.id,
      state: upload.state,
      states: states.join(" "),
      filename: upload.filename,
    });
    this.#badge.dataset.state = upload.state;
    this.#badge.textContent = strings.states[upload.state];
    this.#download.hidden = upload.state !== "accepted";
    if (upload.state !== "uploading") this.#progress.hidden = true;
    this.#showProblem(sentence(upload.reason ?? ""));
    this.#showReport(upload);
  }

  /** Shows the progress while this page sends the upload. */
  showProgress(progress: UploadProgress): void {
    if (this.upload.state !== "uploading") return;
    const { sent, total, error } = progress;
    this.#bar.value = total > 0 ? sent / total : 0;
    this.#progressText.textContent = progressText(progress);
    this.#progress.hidden = false;
    this.#showProblem(error ?? warning(progress));
  }

  #showProblem(text: string): void {
    this.#problem.hidden = text === "";
    this.#problem.textContent = text;
  }

  /** Shows what changes at most once: the time that the API gives replaces the time of this page. */
  #label(upload: Upload): void {
    if (this.#labelTime === upload.created_at) return;
    this.#labelTime = upload.created_at;
    this.#name.textContent = upload.filename;
    this.#name.title = upload.filename;
    const time = element("time", { datetime: upload.created_at }, formatTime(upload.created_at));
    this.#meta.replaceChildren(formatSize(upload.size), " · ", time);
    this.#download.setAttribute("aria-label", strings.buttonFor(words.download, upload.filename));
    this.#bar.setAttribute("aria-label", words.progressOf(upload.filename));
    this.#delete.setAttribute("aria-label", strings.buttonFor(words.delete, upload.filename));
  }

  #showReport({ report }: Upload): void {
    this.#report.hidden = report === undefined || report === null;
    const text = JSON.stringify(report ?? null);
    if (this.#report.hidden || text === this.#reportText) return;
    this.#reportText = text;
    this.#report.replaceChildren(element("summary", {}, words.report), reportList(report ?? null));
  }
}

/** "1.2 GiB of 5 GiB · 8 MiB/s · 8 min left", or why the upload does not progress. */
function progressText(progress: UploadProgress): string {
  const { sent, total, speed, remaining, paused, isWaiting, error, deadline, isRestarted } = progress;
  const facts = [words.sent(formatSize(sent), formatSize(total))];
  if (isRestarted) facts.push(words.restarted);
  if (paused) facts.push(words.paused);
  else if (isWaiting) facts.push(words.waiting);
  else if (speed !== undefined && remaining !== undefined)
    facts.push(words.speed(formatSize(speed)), words.remaining(formatDuration(remaining)));
  const needsPerson = paused || error !== undefined;
  if (needsPerson && deadline !== undefined) facts.push(words.resumeBefore(formatTime(deadline)));
  return facts.join(" · ");
}

function warning({ isLate, steadyRemaining = 0, deadline = "" }: UploadProgress): string {
  return isLate ? words.late(formatDuration(steadyRemaining), formatTime(deadline)) : "";
}

// One upload in the list. Built once and changed in place, so that focus and an open report stay.
// Must not know the API: what its buttons do is passed in.
import type { Upload } from "../../upload/api/contract";
import { element } from "../elements";
import { formatDuration, formatSize, formatTime } from "../formats";
import { strings } from "../strings";
import { reportList } from "./report";
import type { Progress } from "./speed";
import type { Row } from "./upload-store";

/** How an upload of this page goes. */
export type Going = Progress & {
  paused: boolean;
  /** A service does not answer. */
  isWaiting: boolean;
  error: string | undefined;
  /** When S3 drops what was sent, as ISO 8601 text. */
  deadline: string | undefined;
  /** At its speed the file is not sent by then. */
  isLate: boolean;
  /** S3 had dropped what was sent before. */
  isAgain: boolean;
};

export type RowActions = { download: (upload: Upload) => void; remove: (upload: Upload) => void };

export class UploadRow {
  readonly element = element("li", { class: "upload", "data-testid": "upload" });
  readonly #name = element("span", { class: "name" });
  readonly #meta = element("span", { class: "meta" });
  readonly #badge = element("span", { class: "badge" });
  readonly #bar = element("progress", { max: "1" });
  readonly #going = element("span", { class: "meta" });
  readonly #progress = element("div", { class: "going", hidden: true, "data-testid": "going" });
  readonly #reason = element("p", { class: "reason", hidden: true });
  readonly #report = element("details", { class: "report", "data-testid": "report", hidden: true });
  readonly #download = element("button", { type: "button", class: "button", "data-testid": "download" });
  readonly #remove = element("button", { type: "button", class: "button quiet", "data-testid": "delete" });
  #row: Row;
  #shownReport = "";
  #labelled: string | undefined;

  constructor(row: Row, actions: RowActions) {
    this.#row = row;
    this.#download.append(strings.uploads.download);
    this.#remove.append(strings.uploads.delete);
    this.#download.addEventListener("click", () => actions.download(this.#row.upload));
    this.#remove.addEventListener("click", () => actions.remove(this.#row.upload));
    this.#progress.append(this.#bar, this.#going);
    this.element.append(
      element("div", { class: "what" }, this.#name, this.#meta),
      this.#badge,
      element("div", { class: "buttons" }, this.#download, this.#remove),
      this.#progress,
      this.#reason,
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
    this.#explain(upload.reason ?? "");
    this.#showReport(upload);
  }

  /** How its sending goes, while this page sends it. */
  going(going: Going): void {
    if (this.upload.state !== "uploading") return;
    const { sent, total, error } = going;
    this.#bar.value = total > 0 ? sent / total : 0;
    this.#going.textContent = progressLine(going);
    this.#progress.hidden = false;
    this.#explain(error ?? warning(going));
  }

  #explain(reason: string): void {
    this.#reason.hidden = reason === "";
    this.#reason.textContent = reason;
  }

  /** What hardly ever changes: only the API's time of creation replaces the page's own guess. */
  #label(upload: Upload): void {
    if (this.#labelled === upload.created_at) return;
    this.#labelled = upload.created_at;
    this.#name.textContent = upload.filename;
    this.#name.title = upload.filename;
    const time = element("time", { datetime: upload.created_at }, formatTime(upload.created_at));
    this.#meta.replaceChildren(formatSize(upload.size), " · ", time);
    this.#download.setAttribute("aria-label", strings.uploads.downloadOf(upload.filename));
    this.#bar.setAttribute("aria-label", strings.uploads.progressOf(upload.filename));
    this.#remove.setAttribute("aria-label", strings.uploads.deleteOf(upload.filename));
  }

  #showReport({ report }: Upload): void {
    this.#report.hidden = report === undefined || report === null;
    const text = JSON.stringify(report ?? null);
    if (this.#report.hidden || text === this.#shownReport) return;
    this.#shownReport = text;
    this.#report.replaceChildren(element("summary", {}, strings.uploads.report), reportList(report ?? null));
  }
}

const words = strings.uploads;

/** "1.2 GiB of 5 GiB · 8 MiB/s · 8 min left", or why it does not move. */
function progressLine({
  sent,
  total,
  speed,
  left,
  paused,
  isWaiting,
  error,
  deadline,
  isAgain,
}: Going): string {
  const said = [words.sent(formatSize(sent), formatSize(total))];
  if (isAgain) said.push(words.again);
  if (paused) said.push(words.paused);
  else if (isWaiting) said.push(words.waiting);
  else if (speed !== undefined && left !== undefined)
    said.push(words.speed(formatSize(speed)), words.left(formatDuration(left)));
  const needsPerson = paused || error !== undefined;
  if (needsPerson && deadline !== undefined) said.push(words.resumeBefore(formatTime(deadline)));
  return said.join(" · ");
}

function warning({ isLate, steadyLeft = 0, deadline = "" }: Going): string {
  return isLate ? words.late(formatDuration(steadyLeft), formatTime(deadline)) : "";
}

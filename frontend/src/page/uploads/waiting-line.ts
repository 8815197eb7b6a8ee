// The line that says why nothing is sent just now: no network, a service that does not answer, a service that tells
// everybody to wait. Must not know how uploads are sent.
import type { Waiting } from "../../upload/engine";
import { ApiError } from "../../upload/errors";
import { element } from "../elements";
import { formatSize, formatTime } from "../formats";
import { strings } from "../strings";

const words = strings.waiting;

/** What a person reads; empty when uploads wait for nothing. Browsers say wrongly that there is no network, too. */
export function waitingText(waiting: readonly Waiting[], isOnline: boolean): string {
  if (waiting.length > 0 && !isOnline) return words.offline;
  return waiting.map(lineOf).join(" ");
}

function lineOf({ service, since, neverAnswered, error, breaksBefore }: Waiting): string {
  const time = formatTime(new Date(since).toISOString());
  if (breaksBefore !== undefined) return words.breaks(formatSize(breaksBefore), time);
  if (service === "s3") return words.s3(time);
  if (error instanceof ApiError) return words.busy(time);
  return neverAnswered ? words.neverAnswered : words.api(time);
}

export class WaitingLine {
  /** Always there and often empty: screen readers speak a line whose text changes, not one that appears. */
  readonly element = element("p", { class: "waiting", role: "status", "data-testid": "waiting" });

  show(text: string): void {
    if (this.element.textContent !== text) this.element.textContent = text;
  }
}

// The line that says why no upload makes progress: there is no network, or a service is silent or overloaded.
// Must not know how uploads are sent.
import type { Waiting } from "../../upload/engine";
import { ApiError } from "../../upload/errors";
import { element } from "../elements";
import { formatSize, formatTime } from "../formats";
import { strings } from "../strings";

const words = strings.waiting;

/** The text of the line; empty when no upload waits. A browser that says it is offline may be wrong. */
export function waitingText(waiting: readonly Waiting[], isOnline: boolean): string {
  if (waiting.length > 0 && !isOnline) return words.offline;
  return waiting.map(textOf).join(" ");
}

function textOf({ service, since, neverAnswered, error, breaksBefore }: Waiting): string {
  const time = formatTime(new Date(since).toISOString());
  if (breaksBefore !== undefined) return words.breaks(formatSize(breaksBefore), time);
  if (service === "s3") return words.s3(time);
  if (error instanceof ApiError) return words.busy(time);
  return neverAnswered ? words.neverAnswered : words.api(time);
}

export class WaitingLine {
  /** Never hidden, often empty: screen readers announce a line whose text changes, but not a line that appears. */
  readonly element = element("p", { class: "waiting", role: "status", "data-testid": "waiting" });

  show(text: string): void {
    if (this.element.textContent !== text) this.element.textContent = text;
  }
}

// Saves a file from a URL that responds with an attachment, without leaving the page.
// A link would be a navigation: the page would ask whether to leave, and WebKit would abort all uploads.
// Must not know whose file it is.
import type { Clock } from "../../upload/clock";
import { element } from "../elements";

/** After this time (milliseconds) the download has started and no longer needs the frame. */
const FRAME_LIFETIME = 60_000;

/** Downloads in an invisible frame. A frame loads a document only when S3 responds with an error: `onRefused`. */
export function saveFile(url: string, clock: Clock, onRefused: () => void): HTMLIFrameElement {
  const frame = element("iframe", { src: url, hidden: true, sandbox: "allow-downloads", onload: onRefused });
  void clock.wait(FRAME_LIFETIME).then(() => frame.remove());
  return frame;
}

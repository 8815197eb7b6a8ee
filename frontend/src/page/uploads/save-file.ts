// Saves a file that a URL answers as an attachment, while the page stays as it is.
// A link would be a navigation: the page would ask whether to leave it, and WebKit would end all that is being sent.
// Must not know whose file it is.
import type { Clock } from "../../upload/clock";
import { element } from "../elements";

/** By then the answer has begun, and the browser needs the frame no more (milliseconds). */
const ANSWERED = 60_000;

/** Begins in a frame that nobody sees. It shows something only where S3 answers with an error: `onRefused`. */
export function save(url: string, clock: Clock, onRefused: () => void): HTMLIFrameElement {
  const frame = element("iframe", { src: url, hidden: true, sandbox: "allow-downloads", onload: onRefused });
  void clock.wait(ANSWERED).then(() => frame.remove());
  return frame;
}

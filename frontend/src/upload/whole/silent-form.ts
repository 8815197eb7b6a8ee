// Forms so small that the browser sends them without upload events. With upload events a browser asks for a CORS
// preflight first, which takes a round trip (https://fetch.spec.whatwg.org/#http-cors-protocol).
// Must not know how a form is sent.
import type { SendRequest } from "../ports";

/** Bytes of the file. Nobody misses the progress of a form up to this size. */
const MAX_SIZE = 256 * 1024;

/** Whether a request reports no progress before its response. */
export function isSilent({ fields, body }: SendRequest): boolean {
  return fields !== undefined && body.size <= MAX_SIZE;
}

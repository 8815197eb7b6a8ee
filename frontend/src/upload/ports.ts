// What the engine needs to send bytes: a PUT with progress, or a form. The browser's is browser-transport.ts; tests bring their own.
// Must not know parts, files or retries.

/** Forms of up to so many bytes (of the file) tell no progress: where nobody listens, browsers ask for no preflight. */
const SILENT_MOST = 256 * 1024;

export type SendRequest = {
  url: string;
  body: Blob;
  /** Of a PUT. */
  headers?: Record<string, string>;
  /** Makes the request a form that is posted: the fields first, then the body, in a part called `file`. */
  fields?: Record<string, string>;
  signal: AbortSignal;
  /** Called with the bytes sent so far, as often as the browser tells. */
  onProgress: (sent: number) => void;
};

export type SendAnswer = {
  status: number;
  text: string;
  /** A header the browser may show us; null for any other. */
  header(name: string): string | null;
};

/** Resolves with S3's answer, whatever its status; rejects with NetworkError when none came. */
export type Transport = (request: SendRequest) => Promise<SendAnswer>;

/** Whether nothing is heard of a request until it is answered. */
export function isSilent({ fields, body }: SendRequest): boolean {
  return fields !== undefined && body.size <= SILENT_MOST;
}

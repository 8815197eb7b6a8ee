// The port Transport in a browser. XMLHttpRequest has upload events, fetch has none. Small forms are sent by fetch,
// because a request with upload events causes a CORS preflight (whole/silent-form.ts).
// A PUT has only the headers that S3's signature names. So its body has no type: the browser would send a Content-Type.
// Must not know about parts or retries.
import { NetworkError } from "../errors";
import type { SendRequest, SendResponse } from "../ports";
import { isSilent } from "../whole/silent-form";

export function browserTransport(request: SendRequest): Promise<SendResponse> {
  return isSilent(request) ? postSilently(request) : sendByXhr(request);
}

async function postSilently(request: SendRequest): Promise<SendResponse> {
  const { url, signal } = request;
  try {
    const response = await fetch(url, { method: "POST", body: formOf(request), signal });
    const text = await response.text();
    return { status: response.status, text, header: (name) => response.headers.get(name) };
  } catch (error) {
    signal.throwIfAborted();
    throw noAnswer("POST", url, error);
  }
}

function sendByXhr(request: SendRequest): Promise<SendResponse> {
  const { url, headers = {}, fields, body, signal, onProgress } = request;
  const method = fields ? "POST" : "PUT";
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    const settle = (answer: () => void) => {
      signal.removeEventListener("abort", stop);
      answer();
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    // A form is longer than its file.
    xhr.upload.onprogress = (event) => onProgress(Math.min(event.loaded, body.size));
    const header = (name: string) => xhr.getResponseHeader(name);
    xhr.onload = () => settle(() => resolve({ status: xhr.status, text: xhr.responseText, header }));
    xhr.onerror = () => settle(() => reject(noAnswer(method, url)));
    xhr.onabort = () => settle(() => reject(signal.reason));
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    xhr.send(fields ? formOf(request) : body);
  });
}

function noAnswer(method: string, url: string, cause?: unknown): NetworkError {
  return new NetworkError(`${method}: no answer`, { address: new URL(url).origin, cause });
}

/** S3 ignores form fields after the file. */
function formOf({ fields = {}, body }: SendRequest): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", body);
  return form;
}

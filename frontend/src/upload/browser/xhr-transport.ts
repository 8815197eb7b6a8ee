// The browser's way to send bytes with progress: fetch has no upload events, XMLHttpRequest has. Small forms go by fetch:
// a request with upload events asks for a preflight, a plain form does not (https://fetch.spec.whatwg.org/#http-cors-protocol).
// A PUT has no header that S3's signature does not name, and a slice without a type makes the browser send no
// Content-Type. Must not know about parts or retries.
import { NetworkError } from "../errors";
import { isSilent, type SendAnswer, type SendRequest } from "../ports";

export function browserTransport(request: SendRequest): Promise<SendAnswer> {
  return isSilent(request) ? postSilently(request) : sendByXhr(request);
}

async function postSilently(request: SendRequest): Promise<SendAnswer> {
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

function sendByXhr(request: SendRequest): Promise<SendAnswer> {
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

/** S3 ignores whatever comes after the file. */
function formOf({ fields = {}, body }: SendRequest): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", body);
  return form;
}

// The browser's way to PUT with progress: fetch has no upload events, XMLHttpRequest has.
// No header is set that S3's signature does not name, and a slice without a type makes the browser send no
// Content-Type. Must not know about parts or retries.
import { NetworkError } from "./errors";
import type { PutAnswer, PutRequest } from "./transport";

export function xhrTransport(request: PutRequest): Promise<PutAnswer> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    const settle = (answer: () => void) => {
      request.signal.removeEventListener("abort", stop);
      answer();
    };
    xhr.open("PUT", request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => request.onProgress(event.loaded);
    const header = (name: string) => xhr.getResponseHeader(name);
    xhr.onload = () => settle(() => resolve({ status: xhr.status, text: xhr.responseText, header }));
    xhr.onerror = () => settle(() => reject(new NetworkError("PUT: no answer")));
    xhr.onabort = () => settle(() => reject(request.signal.reason));
    request.signal.throwIfAborted();
    request.signal.addEventListener("abort", stop, { once: true });
    xhr.send(request.body);
  });
}

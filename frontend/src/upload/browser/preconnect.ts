// The port Preconnect in a browser: opens connections to S3 while the API still creates the upload, because a handshake
// over a distance takes as long as a call. `<link rel="preconnect">` opens only one to a host name. But a request that
// is aborted before it is sent leaves its connection to the next. Must not know the requests that follow.

/** Milliseconds: by then the browser has started the handshakes, and none over a distance is finished. */
const ABORT_AFTER = 10;

export function openConnections(origin: string, count: number): void {
  const stop = new AbortController();
  for (let each = 0; each < count; each++) {
    // Like a part's PUT, without credentials: browsers keep separate connections for requests with them.
    const options: RequestInit = { mode: "no-cors", credentials: "same-origin", cache: "no-store" };
    fetch(`${origin}/?${each}`, { ...options, signal: stop.signal }).catch(() => undefined);
  }
  setTimeout(() => stop.abort(), ABORT_AFTER);
}

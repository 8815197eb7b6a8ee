// Opens connections to S3 while the API is still making an upload: over a distance, a handshake takes as long as a call.
// Browsers have no word for more than one of them (`preconnect` is one to a host name); but a request that is given up
// before it is sent leaves its connection to the next. Must not know what is sent over them.

/** Opens so many connections to an origin, or fewer where the browser will not. */
export type Connect = (origin: string, count: number) => void;

/** Milliseconds: the browser has begun by then, and no handshake over a distance is done. */
const BEGUN = 10;

export function openConnections(origin: string, count: number): void {
  const stop = new AbortController();
  for (let each = 0; each < count; each++) {
    // A part's PUT goes without credentials too: browsers keep connections with and without them apart.
    const options: RequestInit = { mode: "no-cors", credentials: "same-origin", cache: "no-store" };
    fetch(`${origin}/?${each}`, { ...options, signal: stop.signal }).catch(() => undefined);
  }
  setTimeout(() => stop.abort(), BEGUN);
}

// What the engine needs to send bytes: one PUT with progress. The browser's is xhr.ts; tests bring their own.
// Types only.

export type PutRequest = {
  url: string;
  body: Blob;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** Called with the bytes sent so far, as often as the browser tells. */
  onProgress: (sent: number) => void;
};

export type PutAnswer = {
  status: number;
  text: string;
  /** A header the browser may show us; null for any other. */
  header(name: string): string | null;
};

/** Resolves with S3's answer, whatever its status; rejects with NetworkError when none came. */
export type Transport = (request: PutRequest) => Promise<PutAnswer>;

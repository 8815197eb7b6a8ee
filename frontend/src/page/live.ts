// Live updates over a WebSocket. Connects with a one-time ticket, reconnects with backoff, and sends pings because
// API Gateway closes a connection after 10 idle minutes. Must not know what an update means.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html

import type { Upload } from "../upload/api/contract";
import type { Clock } from "../upload/clock";
import { backoff } from "../upload/retry/backoff";
import type { RetryRule } from "../upload/retry/retry";

/** Milliseconds. */
const PING_INTERVAL = 4 * 60_000;
const RECONNECT: RetryRule = { tries: Number.POSITIVE_INFINITY, base: 1_000, cap: 30_000 };

export type Socket = Pick<WebSocket, "addEventListener" | "close" | "send">;

export type LiveOptions = {
  /** Requests a WebSocket URL with a new ticket. */
  connect: (signal: AbortSignal) => Promise<{ url: string }>;
  open: (url: string) => Socket;
  clock: Clock;
  /** The connection is open: updates that were missed before can be read now. */
  onConnected: () => void;
  onDropped: () => void;
  onUpload: (upload: Upload) => void;
};

export class Live {
  readonly #options: LiveOptions;
  readonly #stop = new AbortController();

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  start(): void {
    this.#run(this.#stop.signal).catch(() => undefined); // only stop() ends it
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; failures++) {
      const connected = await this.#once(signal).catch(() => false);
      signal.throwIfAborted();
      this.#options.onDropped();
      if (connected) failures = 0;
      const { clock } = this.#options;
      await clock.wait(backoff(failures, RECONNECT, clock.random()), signal);
    }
  }

  /** One connection from start to end. Returns true when it was ever open. */
  async #once(signal: AbortSignal): Promise<boolean> {
    const { url } = await this.#options.connect(signal);
    signal.throwIfAborted();
    const socket = this.#options.open(url);
    const ended = new AbortController();
    let connected = false;
    return new Promise((resolve) => {
      const end = () => {
        ended.abort();
        resolve(connected);
      };
      const close = () => socket.close();
      socket.addEventListener("open", () => {
        connected = true;
        this.#options.onConnected();
        this.#ping(socket, ended.signal).catch(() => undefined); // ends with the connection
      });
      socket.addEventListener("message", (event) => this.#receive(event.data));
      socket.addEventListener("close", end);
      signal.addEventListener("abort", close, { signal: ended.signal });
    });
  }

  async #ping(socket: Socket, ended: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.wait(PING_INTERVAL, ended);
      socket.send(JSON.stringify({ type: "ping" }));
    }
  }

  #receive(data: unknown): void {
    let message: { type?: string; upload?: Upload };
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // not a message of the API
    }
    if (message.type === "upload" && message.upload) this.#options.onUpload(message.upload);
  }
}

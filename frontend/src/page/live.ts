// News over a WebSocket: connects with a one-time ticket, comes back with backoff when the line drops, and keeps
// API Gateway from closing it (10 minutes of silence do). Must not know what the news mean.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html

import type { Upload } from "../upload/api/contract";
import type { Clock } from "../upload/clock";
import { backoff } from "../upload/retry/backoff";
import type { RetryRule } from "../upload/retry/retry";

const PING_INTERVAL = 4 * 60_000;
const RECONNECT: RetryRule = { tries: Number.POSITIVE_INFINITY, base: 1_000, cap: 30_000 };

export type Socket = Pick<WebSocket, "addEventListener" | "close" | "send">;

export type LiveOptions = {
  /** A fresh WebSocket URL. */
  connect: (signal: AbortSignal) => Promise<{ url: string }>;
  open: (url: string) => Socket;
  clock: Clock;
  /** The line is up: what was missed before can be asked for now. */
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

  /** One connection from beginning to end. True when it was ever up. */
  async #once(signal: AbortSignal): Promise<boolean> {
    const { url } = await this.#options.connect(signal);
    signal.throwIfAborted();
    const socket = this.#options.open(url);
    const over = new AbortController();
    let connected = false;
    return new Promise((resolve) => {
      const end = () => {
        over.abort();
        resolve(connected);
      };
      const close = () => socket.close();
      socket.addEventListener("open", () => {
        connected = true;
        this.#options.onConnected();
        this.#ping(socket, over.signal).catch(() => undefined); // ends with the connection
      });
      socket.addEventListener("message", (event) => this.#hear(event.data));
      socket.addEventListener("close", end);
      signal.addEventListener("abort", close, { signal: over.signal });
    });
  }

  async #ping(socket: Socket, over: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.wait(PING_INTERVAL, over);
      socket.send(JSON.stringify({ type: "ping" }));
    }
  }

  #hear(data: unknown): void {
    let message: { type?: string; upload?: Upload };
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // not ours
    }
    if (message.type === "upload" && message.upload) this.#options.onUpload(message.upload);
  }
}

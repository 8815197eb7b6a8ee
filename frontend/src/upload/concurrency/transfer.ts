// One whole file, or one part of one, on its way to a host, and how far it is. Must not know why it travels.
import { following } from "./linked-abort";

/** What travels: a whole file or one part of one, and its bytes. */
export type Load = { kind: "file" | "part"; size: number };

/** It was taken off a line that is too slow for all that had begun, and waits for its turn again. */
export class Dropped extends Error {
  override readonly name = "Dropped";
}

export class Travel {
  readonly load: Load;
  /** Ends the sending. */
  readonly signal: AbortSignal;
  /** Bytes that have left. */
  sent = 0;
  isDropped = false;
  /** Lets go of the signal that was given. */
  readonly release: () => void;
  readonly #controller: AbortController;
  readonly #onMove: (bytes: number) => void;

  constructor(load: Load, signal: AbortSignal, onMove: (bytes: number) => void) {
    const { controller, release } = following(signal);
    this.load = load;
    this.signal = controller.signal;
    this.release = release;
    this.#controller = controller;
    this.#onMove = onMove;
  }

  /** Bytes that are still to leave. */
  get unsent(): number {
    return this.load.size - this.sent;
  }

  /** In all, so many bytes have left. */
  moved(sent: number): void {
    const bytes = Math.min(sent, this.load.size) - this.sent;
    if (bytes <= 0) return;
    this.sent += bytes;
    this.#onMove(bytes);
  }

  drop(): void {
    this.isDropped = true;
    this.#controller.abort(new Dropped("The line is too slow for so many at once"));
  }
}

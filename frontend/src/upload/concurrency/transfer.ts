// One whole file, or one part, on its way to a host, and how many bytes have left. Must not know why it is sent.
import { linkedAbort } from "./linked-abort";

/** A whole file or one part, and its size in bytes. */
export type Load = { kind: "file" | "part"; size: number };

/** The pool stopped a transfer because the line is too slow for all that have started. The load waits again. */
export class Preempted extends Error {
  override readonly name = "Preempted";
}

export class Transfer {
  readonly load: Load;
  /** Ends the request. */
  readonly signal: AbortSignal;
  /** Bytes that have left. */
  sent = 0;
  isPreempted = false;
  /** Stops listening to the caller's signal. */
  readonly release: () => void;
  readonly #controller: AbortController;
  readonly #onSent: (bytes: number) => void;

  constructor(load: Load, signal: AbortSignal, onSent: (bytes: number) => void) {
    const { controller, release } = linkedAbort(signal);
    this.load = load;
    this.signal = controller.signal;
    this.release = release;
    this.#controller = controller;
    this.#onSent = onSent;
  }

  /** Bytes that are still to leave. */
  get unsent(): number {
    return this.load.size - this.sent;
  }

  /** Reports how many bytes of the request have left in all; a form is longer than its load. */
  progress(sent: number): void {
    const bytes = Math.min(sent, this.load.size) - this.sent;
    if (bytes <= 0) return;
    this.sent += bytes;
    this.#onSent(bytes);
  }

  preempt(): void {
    this.isPreempted = true;
    this.#controller.abort(new Preempted("The line is too slow for all transfers"));
  }
}

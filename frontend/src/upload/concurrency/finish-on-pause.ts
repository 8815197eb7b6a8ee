// What a pause does to the parts in flight. Parts that are more than half sent may finish, for a limited time; the
// others are aborted. A resume before that sends the aborted parts again and loses nothing else.
// Must not know how parts are sent.
import type { Clock } from "../clock";
import { Paused } from "../errors";
import { linkedAbort } from "./linked-abort";
import type { Pause } from "./pause";

export type FinishOnPauseOptions = {
  pause: Pause;
  clock: Clock;
  /** Milliseconds that parts may take to finish in a pause. */
  grace: number;
  /** Aborted with Paused when no part is in flight any more in a pause. */
  stop: AbortController;
};

type Part = { controller: AbortController; isMostlySent: () => boolean };

export class FinishOnPause {
  readonly #options: FinishOnPauseOptions;
  readonly #parts = new Set<Part>();
  #cancelAlarm = () => {};

  constructor(options: FinishOnPauseOptions) {
    this.#options = options;
  }

  /** Sends a part. Waits while there is a pause, and sends a part again that a pause has aborted. */
  async use<T>(isMostlySent: () => boolean, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { pause, stop } = this.#options;
    for (;;) {
      await pause.passed(stop.signal);
      const { controller, release } = linkedAbort(stop.signal);
      const part = { controller, isMostlySent };
      this.#parts.add(part);
      try {
        return await send(controller.signal);
      } catch (error) {
        if (stop.signal.aborted || !(controller.signal.reason instanceof Paused)) throw error;
      } finally {
        release();
        this.#parts.delete(part);
        this.#stopWhenIdle();
      }
    }
  }

  /** The pause has started. */
  start(): void {
    const { pause, clock, grace } = this.#options;
    this.#abort(({ isMostlySent }) => !isMostlySent());
    this.#cancelAlarm();
    this.#cancelAlarm = clock.alarm(grace, () => {
      if (pause.isOn) this.#abort(() => true);
    });
    this.#stopWhenIdle();
  }

  #abort(isAborted: (part: Part) => boolean): void {
    for (const part of this.#parts) if (isAborted(part)) part.controller.abort(new Paused());
  }

  #stopWhenIdle(): void {
    const { pause, stop } = this.#options;
    if (pause.isOn && this.#parts.size === 0) stop.abort(new Paused());
  }
}

// What a pause does to the parts under way: those that are more than half sent are finished, for a bounded time, and the
// others are dropped. Whoever resumes before that has the dropped parts sent again and loses nothing else.
// Must not know how parts travel.
import type { Clock } from "../clock";
import { Paused } from "../errors";
import { following } from "./linked-abort";
import type { Pause } from "./pause";

export type FinishingOptions = {
  pause: Pause;
  clock: Clock;
  /** Milliseconds that parts may take to finish in a pause. */
  longest: number;
  /** Aborted with Paused when nothing is under way any more in a pause. */
  stop: AbortController;
};

type Part = { controller: AbortController; isMostlySent: () => boolean };

export class Finishing {
  readonly #pause: Pause;
  readonly #clock: Clock;
  readonly #longest: number;
  readonly #stop: AbortController;
  readonly #parts = new Set<Part>();
  #cancelAlarm = () => {};

  constructor({ pause, clock, longest, stop }: FinishingOptions) {
    this.#pause = pause;
    this.#clock = clock;
    this.#longest = longest;
    this.#stop = stop;
  }

  /** Sends a part, unless there is a pause; again after a pause has dropped it. */
  async use<T>(isMostlySent: () => boolean, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#pause.passed(this.#stop.signal);
      const { controller, release } = following(this.#stop.signal);
      const part = { controller, isMostlySent };
      this.#parts.add(part);
      try {
        return await send(controller.signal);
      } catch (error) {
        if (this.#stop.signal.aborted || !(controller.signal.reason instanceof Paused)) throw error;
      } finally {
        release();
        this.#parts.delete(part);
        this.#look();
      }
    }
  }

  /** The pause has begun. */
  begin(): void {
    this.#drop(({ isMostlySent }) => !isMostlySent());
    this.#cancelAlarm();
    this.#cancelAlarm = this.#clock.alarm(this.#longest, () => {
      if (this.#pause.isOn) this.#drop(() => true);
    });
    this.#look();
  }

  #drop(isDropped: (part: Part) => boolean): void {
    for (const part of this.#parts) if (isDropped(part)) part.controller.abort(new Paused());
  }

  #look(): void {
    if (this.#pause.isOn && this.#parts.size === 0) this.#stop.abort(new Paused());
  }
}

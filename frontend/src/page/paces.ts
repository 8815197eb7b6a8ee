// The pace of each file that this page sends, under its upload's id. Must not know how it is shown.
import type { Clock } from "../upload/clock";
import type { Sending } from "./dashboard";
import { Pace } from "./pace";
import type { Going } from "./upload-row";

export class Paces {
  readonly #clock: Clock;
  readonly #files = new WeakMap<Blob, { id: string; pace: Pace }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The file is sent as this upload from now on. */
  began(id: string, data: Blob): void {
    this.#files.set(data, { id, pace: new Pace(data.size) });
  }

  /** Tells how each file goes that is under way as an upload. */
  look(sending: Sending[], show: (id: string, going: Going) => void): void {
    for (const { data, sent, paused, error } of sending) {
      const file = this.#files.get(data);
      if (!file) continue;
      if (paused || error !== undefined) file.pace.restart();
      show(file.id, { ...file.pace.at(this.#clock.now(), sent), paused, error });
    }
  }
}

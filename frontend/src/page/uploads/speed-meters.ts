// The pace of each file that this page sends, under its upload's id. Must not know how it is shown.
import type { Clock } from "../../upload/clock";
import type { Sending } from "../picker/dashboard";
import { Pace } from "./speed";
import type { Going } from "./upload-row";

type Known = { id: string; pace: Pace; deadline: string | undefined; isAgain: boolean };

export class Paces {
  readonly #clock: Clock;
  readonly #files = new WeakMap<Blob, Known>();
  readonly #restarted = new WeakSet<Blob>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The file is sent as this upload from now on; S3 drops its parts at `deadline`, where one is known. */
  began(id: string, data: Blob, deadline?: string): void {
    this.#files.set(data, { id, pace: new Pace(data.size), deadline, isAgain: this.#restarted.has(data) });
  }

  /** What was sent of the file is lost. */
  restarted(data: Blob): void {
    this.#restarted.add(data);
  }

  /** Tells how each file goes that is under way as an upload; `isWaiting` when a service does not answer. */
  look(sending: Sending[], isWaiting: boolean, show: (id: string, going: Going) => void): void {
    for (const { data, sent, paused, error } of sending) {
      const file = this.#files.get(data);
      if (!file) continue;
      const { id, pace, deadline, isAgain } = file;
      if (paused || isWaiting || error !== undefined) pace.restart();
      const progress = pace.at(this.#clock.now(), sent);
      const isLate = this.#isLate(progress.steadyLeft, deadline);
      show(id, { ...progress, paused, isWaiting, error, deadline, isLate, isAgain });
    }
  }

  /** Whether S3 drops the parts before the file is sent, by its speed until now. */
  #isLate(left: number | undefined, deadline: string | undefined): boolean {
    if (left === undefined || deadline === undefined) return false;
    return this.#clock.now() + left * 1000 > Date.parse(deadline);
  }
}

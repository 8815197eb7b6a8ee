// Measures the speed of each file that this page sends, by the id of its upload. Must not know how it is shown.
import type { Clock } from "../../upload/clock";
import type { ActiveFile } from "../picker/dashboard";
import { SpeedMeter } from "./speed-meter";
import type { UploadProgress } from "./upload-row";

type MeteredFile = { id: string; meter: SpeedMeter; deadline: string | undefined; isRestarted: boolean };

export class SpeedMeters {
  readonly #clock: Clock;
  readonly #files = new WeakMap<Blob, MeteredFile>();
  readonly #restarted = new WeakSet<Blob>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The file is sent as this upload from now on. S3 deletes its parts at `deadline`, if it has one. */
  start(id: string, data: Blob, deadline?: string): void {
    const isRestarted = this.#restarted.has(data);
    this.#files.set(data, { id, meter: new SpeedMeter(data.size), deadline, isRestarted });
  }

  /** The parts of the file are lost, and the next upload of it starts from the beginning. */
  restart(data: Blob): void {
    this.#restarted.add(data);
  }

  /** Passes the progress of each file that has an upload to `show`. `isWaiting`: a service does not answer. */
  measure(
    files: ActiveFile[],
    isWaiting: boolean,
    show: (id: string, progress: UploadProgress) => void,
  ): void {
    for (const { data, sent, paused, error } of files) {
      const file = this.#files.get(data);
      if (!file) continue;
      const { id, meter, deadline, isRestarted } = file;
      if (paused || isWaiting || error !== undefined) meter.restart();
      const progress = meter.measure(this.#clock.now(), sent);
      const isLate = this.#isLate(progress.steadyRemaining, deadline);
      show(id, { ...progress, paused, isWaiting, error, deadline, isLate, isRestarted });
    }
  }

  /** Whether S3 deletes the parts before the file is sent, at the mean speed so far. */
  #isLate(remaining: number | undefined, deadline: string | undefined): boolean {
    if (remaining === undefined || deadline === undefined) return false;
    return this.#clock.now() + remaining * 1000 > Date.parse(deadline);
  }
}

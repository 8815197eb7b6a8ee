// The speed and the remaining time of one upload, from its progress in the last seconds.
// Pure arithmetic: must not know which file is sent, nor how it is shown.

/** The speed is the mean of this time (milliseconds): long enough for a steady figure, short enough to follow changes. */
const WINDOW = 10_000;
/** Milliseconds of progress that a figure needs at least. */
const LEAST = 1_000;
/** Milliseconds of progress that a warning needs at least, so that it does not come and go. */
const STEADY = 30_000;

type Sample = { time: number; sent: number };

export type Progress = {
  sent: number;
  total: number;
  /** Bytes per second; undefined while it is unknown. */
  speed: number | undefined;
  /** Seconds. */
  remaining: number | undefined;
  /** Seconds at the mean speed since sending started or resumed; undefined until STEADY has passed. */
  steadyRemaining: number | undefined;
};

export class SpeedMeter {
  readonly #total: number;
  #samples: Sample[] = [];
  #first: Sample | undefined;

  constructor(total: number) {
    this.#total = total;
  }

  /** Adds a measurement: the bytes that are in S3 at `time` (milliseconds). */
  measure(time: number, sent: number): Progress {
    this.#samples.push({ time, sent });
    this.#first ??= { time, sent };
    const start = this.#samples.findLastIndex((sample) => time - sample.time >= WINDOW);
    if (start > 0) this.#samples = this.#samples.slice(start);
    const steadyRemaining = this.#steadyRemaining(time, sent);
    return { sent, total: this.#total, ...this.#recent(time, sent), steadyRemaining };
  }

  /** Drops all measurements, so that a pause does not count. */
  restart(): void {
    this.#samples = [];
    this.#first = undefined;
  }

  #steadyRemaining(time: number, sent: number): number | undefined {
    const first = this.#first ?? { time, sent };
    if (time - first.time < STEADY || sent <= first.sent) return undefined;
    return ((this.#total - sent) * (time - first.time)) / (sent - first.sent) / 1000;
  }

  #recent(time: number, sent: number): Pick<Progress, "speed" | "remaining"> {
    const first = this.#samples[0] ?? { time, sent };
    const seconds = (time - first.time) / 1000;
    if (seconds * 1000 < LEAST || sent <= first.sent) return { speed: undefined, remaining: undefined };
    const speed = (sent - first.sent) / seconds;
    return { speed, remaining: (this.#total - sent) / speed };
  }
}

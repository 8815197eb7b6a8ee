// How fast a file goes and how long it still takes, from the progress of the last seconds.
// Pure arithmetic; must not know what is sent or shown.

/** What is looked back at (milliseconds): long enough for a steady figure, short enough to follow the line. */
const WINDOW = 10_000;
/** Before so much is known (milliseconds), a figure would only jump. */
const LEAST = 1_000;
/** A warning needs a figure that does not jump: the mean of at least so long (milliseconds). */
const STEADY = 30_000;

type Sample = { time: number; sent: number };

export type Progress = {
  sent: number;
  total: number;
  /** Bytes per second; undefined while nothing can be said. */
  speed: number | undefined;
  /** Seconds. */
  left: number | undefined;
  /** Seconds by the mean speed since sending began or resumed; undefined until that is a steady figure. */
  steadyLeft: number | undefined;
};

export class Pace {
  readonly #total: number;
  #samples: Sample[] = [];
  #first: Sample | undefined;

  constructor(total: number) {
    this.#total = total;
  }

  /** Takes in what is in S3 at `time` (milliseconds). */
  at(time: number, sent: number): Progress {
    this.#samples.push({ time, sent });
    this.#first ??= { time, sent };
    const from = this.#samples.findLastIndex((sample) => time - sample.time >= WINDOW);
    if (from > 0) this.#samples = this.#samples.slice(from);
    return { sent, total: this.#total, ...this.#pace(time, sent), steadyLeft: this.#steadyLeft(time, sent) };
  }

  /** After a pause nothing before it counts. */
  restart(): void {
    this.#samples = [];
    this.#first = undefined;
  }

  #steadyLeft(time: number, sent: number): number | undefined {
    const first = this.#first ?? { time, sent };
    if (time - first.time < STEADY || sent <= first.sent) return undefined;
    return ((this.#total - sent) * (time - first.time)) / (sent - first.sent) / 1000;
  }

  #pace(time: number, sent: number): Pick<Progress, "speed" | "left"> {
    const first = this.#samples[0] ?? { time, sent };
    const seconds = (time - first.time) / 1000;
    if (seconds * 1000 < LEAST || sent <= first.sent) return { speed: undefined, left: undefined };
    const speed = (sent - first.sent) / seconds;
    return { speed, left: (this.#total - sent) / speed };
  }
}

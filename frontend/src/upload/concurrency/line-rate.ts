// How many bytes per millisecond the line carries, measured by the bytes that leave the page. The line is the network
// path that all requests share. New connections make it look faster than it is, because a browser counts a byte as sent
// when the operating system takes it into its buffers. So the first half second is left out, then each further step
// while the rate still grows. Afterwards the mean of half a minute counts. Until half a minute is over, the rate rises
// only as far as arrivals confirm it. Must not know files or parts.

/** Milliseconds over which the mean is taken: longer than the buffers take to fill and empty. */
const MEAN = 30_000;
/** Milliseconds of one measurement while the line starts. */
const STEP = 500;
/** A line is still starting while a step carries more than this many times the bytes of the step before. */
const GROWING = 1.25;
/** Milliseconds between the samples. */
const SAMPLE_GAP = 250;

type Sample = { time: number; sent: number };

export class LineRate {
  /** Milliseconds in which something was in flight, and the bytes that left in them. */
  #total: Sample = { time: 0, sent: 0 };
  /** When bytes last left; undefined while nothing is in flight. */
  #last: number | undefined;
  /** The rate is the mean since the first of these; there are none while the line starts. */
  #samples: Sample[] = [];
  #step: Sample = { time: 0, sent: 0 };
  #stepBefore = 0;
  /** The first rate that was measured, and the bytes that have arrived since. */
  #first = 0;
  #arrived = 0;

  /** Bytes per millisecond; undefined until it is measured. */
  get current(): number | undefined {
    const from = this.#samples[0];
    if (!from) return undefined;
    const rate = rateBetween(from, this.#total);
    const time = this.#total.time - from.time;
    return time < MEAN ? Math.min(rate, Math.max(this.#first, this.#arrived / time)) : rate;
  }

  /** Counts bytes that have arrived. */
  addArrived(bytes: number): void {
    if (this.#samples.length > 0) this.#arrived += bytes;
  }

  /** Counts bytes that have left until `now` (milliseconds). */
  addSent(bytes: number, now: number): void {
    const { time, sent } = this.#total;
    this.#total = { time: time + now - (this.#last ?? now), sent: sent + bytes };
    this.#last = now;
    if (this.#samples.length === 0) this.#measureStep();
    else this.#addSample();
  }

  /** Nothing is in flight, or a connection broke: the time until the next byte leaves does not count. */
  rest(): void {
    this.#last = undefined;
  }

  #measureStep(): void {
    if (this.#total.time - this.#step.time < STEP) return;
    const rate = rateBetween(this.#step, this.#total);
    if (this.#stepBefore > 0 && rate <= GROWING * this.#stepBefore) {
      this.#samples = [this.#step, this.#total];
      this.#first = rate;
    }
    this.#step = this.#total;
    this.#stepBefore = rate;
  }

  #addSample(): void {
    const { time } = this.#total;
    if (time - (this.#samples.at(-1)?.time ?? 0) < SAMPLE_GAP) return;
    this.#samples.push(this.#total);
    const from = this.#samples.findLastIndex((sample) => time - sample.time >= MEAN);
    if (from > 0) this.#samples = this.#samples.slice(from);
  }
}

function rateBetween(from: Sample, to: Sample): number {
  return (to.sent - from.sent) / (to.time - from.time);
}

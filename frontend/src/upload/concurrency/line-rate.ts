// How many bytes a second the line carries, by the bytes that leave the page. Connections that begin make it look faster
// than it is, because a browser counts a byte as sent when the operating system takes it into its buffers. So the first
// half second is left out, then whatever is still growing, and afterwards the mean of half a minute counts. Before half
// a minute is over, a rise is believed as far as arrivals confirm it. Must not know what travels.

/** Milliseconds that are looked back at: longer than it takes to fill and empty the buffers. */
const MEAN = 30_000;
/** Milliseconds of one look at a line that begins. */
const STEP = 500;
/** A line that carries so many times as much as a step before is still beginning. */
const GROWING = 1.25;
/** Milliseconds between the samples that are kept. */
const APART = 250;

type Sample = { time: number; sent: number };

export class LineRate {
  /** Milliseconds in which something travelled, and the bytes that left in them. */
  #total: Sample = { time: 0, sent: 0 };
  /** When time was last counted. */
  #last: number | undefined;
  /** The rate is the mean since the first of these; none while the line begins. */
  #samples: Sample[] = [];
  #step: Sample = { time: 0, sent: 0 };
  #stepBefore = 0;
  /** The first rate that was known, and the bytes that have arrived since. */
  #first = 0;
  #arrived = 0;

  /** Bytes a millisecond; undefined as long as nothing is known. */
  get now(): number | undefined {
    const from = this.#samples[0];
    if (!from) return undefined;
    const rate = rateBetween(from, this.#total);
    const time = this.#total.time - from.time;
    return time < MEAN ? Math.min(rate, Math.max(this.#first, this.#arrived / time)) : rate;
  }

  /** So many bytes have arrived. */
  arrived(bytes: number): void {
    if (this.#samples.length > 0) this.#arrived += bytes;
  }

  /** So many bytes left, at this time (milliseconds). */
  moved(bytes: number, now: number): void {
    const { time, sent } = this.#total;
    this.#total = { time: time + now - (this.#last ?? now), sent: sent + bytes };
    this.#last = now;
    if (this.#samples.length === 0) this.#begin();
    else this.#sample();
  }

  /** Nothing travels, or the line broke: what follows until the next byte leaves is no time of the line. */
  rest(): void {
    this.#last = undefined;
  }

  #begin(): void {
    if (this.#total.time - this.#step.time < STEP) return;
    const rate = rateBetween(this.#step, this.#total);
    if (this.#stepBefore > 0 && rate <= GROWING * this.#stepBefore) {
      this.#samples = [this.#step, this.#total];
      this.#first = rate;
    }
    this.#step = this.#total;
    this.#stepBefore = rate;
  }

  #sample(): void {
    const { time } = this.#total;
    if (time - (this.#samples.at(-1)?.time ?? 0) < APART) return;
    this.#samples.push(this.#total);
    const from = this.#samples.findLastIndex((sample) => time - sample.time >= MEAN);
    if (from > 0) this.#samples = this.#samples.slice(from);
  }
}

function rateBetween(from: Sample, to: Sample): number {
  return (to.sent - from.sent) / (to.time - from.time);
}

// Who may work now: so many places, first come first served, and a pool of them per host name (HTTP/1.1 gives a
// browser six connections to a host). Must not know what the work is.
import { isOutage } from "./errors";
import { Width, type WidthOptions } from "./width";

export class Slots {
  #used = 0;
  readonly #count: () => number;
  readonly #waiting: (() => void)[] = [];

  /** `count` may change; it is asked whenever a place is wanted or given back. */
  constructor(count: number | (() => number)) {
    this.#count = typeof count === "number" ? () => count : count;
  }

  /** Does the work once a place is free; stops waiting when the signal is aborted. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#used--;
      this.look();
    }
  }

  /** Lets in whoever there is a place for. */
  look(): void {
    while (this.#waiting.length > 0 && this.#used < this.#count()) {
      this.#used++;
      this.#waiting.shift()?.();
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used < this.#count()) {
      this.#used++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      this.#waiting.push(turn);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

/** Places for every host name, shared by all files: as many as the line and S3 are good for. */
export class HostPool {
  /** More than this there are never, for one host. */
  readonly most: number;
  readonly #width: Width;
  readonly #hosts = new Map<string, Slots>();

  constructor(options: WidthOptions) {
    this.most = options.most;
    this.#width = new Width(options);
  }

  /** Bytes have left, to whichever host. */
  moved(bytes: number): void {
    this.#width.moved(bytes);
    this.#look();
  }

  /** Does the work when its host has a place. */
  async use<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let slots = this.#hosts.get(host);
    if (!slots) {
      slots = new Slots(() => this.#width.now);
      this.#hosts.set(host, slots);
    }
    try {
      const result = await slots.use(signal, work);
      this.#width.arrived();
      return result;
    } catch (error) {
      if (isOutage(error)) this.#width.pushedBack();
      throw error;
    } finally {
      this.#look();
    }
  }

  #look(): void {
    for (const each of this.#hosts.values()) each.look();
  }
}

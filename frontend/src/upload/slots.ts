// Who may work now: a fixed number of places, first come first served, and a pool of them per host name
// (HTTP/1.1 gives a browser six connections to a host). Must not know what the work is.

export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Does the work once a place is free; stops waiting when the signal is aborted. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
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

  #give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

/** The same number of places for every host name, shared by all files. */
export class HostPool {
  readonly width: number;
  readonly #hosts = new Map<string, Slots>();

  constructor(width: number) {
    this.width = width;
  }

  use<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let slots = this.#hosts.get(host);
    if (!slots) {
      slots = new Slots(this.width);
      this.#hosts.set(host, slots);
    }
    return slots.use(signal, work);
  }
}

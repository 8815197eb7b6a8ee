// A line with a rate, a round trip and breaks, and S3 behind it, in virtual time: connections share the rate evenly.
// Counts what travelled and what was lost of it.
import { NetworkError } from "../../src/upload/errors";
import type { SendRequest, SendResponse } from "../../src/upload/ports";
import { HandClock } from "./clock";

/** Node's: a turn of the event loop, without the millisecond of a timer. Minutes are thousands of steps. */
declare function setImmediate(go: () => void): unknown;

/** Milliseconds. */
const STEP = 50;

export type LineOptions = {
  /** Bytes a second. */
  rate: number;
  /** Seconds. */
  roundTrip?: number;
  /** Every so many seconds all connections break. */
  breaks?: number;
  /** Bytes of each connection that the operating system takes at once. */
  buffer?: number;
};

type Connection = {
  request: SendRequest;
  begins: number;
  carried: number;
  told: number;
  end: (error?: unknown) => void;
};

export class FakeLine {
  readonly clock = new HandClock(() => new Promise((resolve) => setImmediate(() => resolve())));
  rate: number;
  travelled = 0;
  lost = 0;
  widest = 0;
  readonly #connections = new Set<Connection>();
  readonly #options: LineOptions;

  constructor(options: LineOptions) {
    this.rate = options.rate;
    this.#options = options;
  }

  get underWay(): number {
    return this.#connections.size;
  }

  /** A preflight goes there and back first; so does the answer. */
  readonly transport = (request: SendRequest): Promise<SendResponse> =>
    new Promise((resolve, reject) => {
      const trip = 1000 * (this.#options.roundTrip ?? 0);
      const stop = () => end(request.signal.reason);
      const end = (error?: unknown) => {
        if (!this.#connections.delete(connection)) return;
        request.signal.removeEventListener("abort", stop);
        if (error !== undefined) this.lost += connection.carried;
        if (error !== undefined) return reject(error);
        void this.clock.wait(trip).then(() => resolve({ status: 200, text: "", header: () => null }));
      };
      const connection = { request, begins: this.clock.time + trip, carried: 0, told: 0, end };
      request.signal.addEventListener("abort", stop);
      this.#connections.add(connection);
      this.widest = Math.max(this.widest, this.#connections.size);
    });

  break(): void {
    for (const { end } of this.#connections) end(new NetworkError("reset"));
  }

  /** Until the work is done, or so many seconds are over; resolves to the seconds it took. */
  async pass(seconds: number, isDone: () => boolean = () => false): Promise<number> {
    const began = this.clock.time;
    const { breaks } = this.#options;
    while (!isDone() && this.clock.time - began < 1000 * seconds) {
      this.#carry();
      await this.clock.advance(STEP);
      if (breaks && this.clock.time % (1000 * breaks) === 0) this.break();
    }
    return (this.clock.time - began) / 1000;
  }

  #carry(): void {
    const moving = [...this.#connections].filter(({ begins }) => begins <= this.clock.time);
    for (const connection of moving) {
      const { request, end } = connection;
      const { size } = request.body;
      const carried = Math.min((this.rate * STEP) / 1000 / moving.length, size - connection.carried);
      connection.carried += carried;
      this.travelled += carried;
      const told = Math.min(size, Math.floor(connection.carried + (this.#options.buffer ?? 0)));
      if (told > connection.told) request.onProgress(told);
      connection.told = told;
      if (connection.carried >= size - 0.001) end();
    }
  }
}

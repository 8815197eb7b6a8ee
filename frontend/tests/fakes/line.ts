// A line with a rate, a round trip and breaks, and S3 at its end, in virtual time. Connections share the rate evenly.
// Counts the bytes that were carried and those that were lost.
import { NetworkError } from "../../src/upload/errors";
import type { SendRequest, SendResponse } from "../../src/upload/ports";
import { HandClock } from "./clock";

/** Node's. It costs one turn of the event loop; a timer would cost a millisecond, and minutes are thousands of steps. */
declare function setImmediate(callback: () => void): unknown;

/** Milliseconds of virtual time that pass at once. */
const STEP = 50;

export type LineOptions = {
  /** Bytes per second. */
  rate: number;
  /** Seconds of a round trip. */
  roundTrip?: number;
  /** Seconds after which all connections break, again and again. */
  breaks?: number;
  /** Bytes of each connection that the operating system buffers: the browser reports them as sent. */
  buffer?: number;
};

type Connection = {
  request: SendRequest;
  start: number;
  carried: number;
  reported: number;
  end: (error?: unknown) => void;
};

export class FakeLine {
  readonly clock = new HandClock(() => new Promise((resolve) => setImmediate(() => resolve())));
  rate: number;
  carried = 0;
  lost = 0;
  widest = 0;
  readonly #connections = new Set<Connection>();
  readonly #options: LineOptions;

  constructor(options: LineOptions) {
    this.rate = options.rate;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#connections.size;
  }

  /** The preflight takes one round trip, the response another. */
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
      const connection = { request, start: this.clock.time + trip, carried: 0, reported: 0, end };
      request.signal.addEventListener("abort", stop);
      this.#connections.add(connection);
      this.widest = Math.max(this.widest, this.#connections.size);
    });

  break(): void {
    for (const { end } of this.#connections) end(new NetworkError("reset"));
  }

  /** Lets time pass until the work is done or the seconds are over. Resolves with the seconds that have passed. */
  async pass(seconds: number, isDone: () => boolean = () => false): Promise<number> {
    const start = this.clock.time;
    const { breaks } = this.#options;
    while (!isDone() && this.clock.time - start < 1000 * seconds) {
      this.#carry();
      await this.clock.advance(STEP);
      if (breaks && this.clock.time % (1000 * breaks) === 0) this.break();
    }
    return (this.clock.time - start) / 1000;
  }

  #carry(): void {
    const moving = [...this.#connections].filter(({ start }) => start <= this.clock.time);
    for (const connection of moving) {
      const { request, end } = connection;
      const { size } = request.body;
      const carried = Math.min((this.rate * STEP) / 1000 / moving.length, size - connection.carried);
      connection.carried += carried;
      this.carried += carried;
      const reported = Math.min(size, Math.floor(connection.carried + (this.#options.buffer ?? 0)));
      if (reported > connection.reported) request.onProgress(reported);
      connection.reported = reported;
      if (connection.carried >= size - 0.001) end();
    }
  }
}

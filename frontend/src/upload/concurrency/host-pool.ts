// Shares two limits among all files. One is the connections to every host name: HTTP/1.1 gives a browser six to a host. The
// other is the bytes in flight on the line that leads to all hosts.
//
// Fairness: whole files and parts of large files wait in one queue each. The kind with fewer transfers goes first; with
// equal numbers they alternate. So each kind gets half of the connections while both wait. Each may have half of the
// bytes in flight then. One load of each kind may always be in flight, so that neither starves the other on a slow line.
//
// When the line turns out slow, the parts that have sent least are preempted and wait again. Parts that are nearly sent
// stay.
// Must not know how loads are sent.
import { ConnectionBroken, isOutage, PartError } from "../errors";
import { AdaptiveLimit, type AdaptiveLimitOptions } from "./adaptive-limit";
import { InFlightLimit } from "./in-flight-limit";
import { abortable } from "./linked-abort";
import { type Load, Transfer } from "./transfer";

/** Parts are preempted when their bytes exceed the limit this many times: a measured rate is never exact. */
const EXCESS = 2;
/** A part is nearly sent when at most this share of it remains. */
const NEARLY_SENT = 1 / 4;

type Kind = Load["kind"];
type Waiter = { host: string; load: Load; ticket: number; enter: () => void };

export type HostPoolOptions = AdaptiveLimitOptions & {
  /** Bytes that must be in flight together before they count for the rate: fewer do not fill a line. */
  minBytesForRate: number;
};

export class HostPool {
  /** Transfers to one host name, at most. */
  readonly most: number;
  readonly #minBytesForRate: number;
  readonly #perHost: AdaptiveLimit;
  readonly #inFlight: InFlightLimit;
  readonly #used = new Map<string, number>();
  readonly #waiting: Record<Kind, Waiter[]> = { file: [], part: [] };
  readonly #transfers = new Set<Transfer>();
  #lastKind: Kind = "part";
  /** The host of the transfer that ended last: its connection is warm, and fills the line at once. */
  #warmHost: string | undefined;
  #tickets = 0;
  /** The size of the load whose connection broke last. */
  #brokenSize: number | undefined;

  constructor(options: HostPoolOptions) {
    this.most = options.most;
    this.#minBytesForRate = options.minBytesForRate;
    this.#perHost = new AdaptiveLimit(options);
    this.#inFlight = new InFlightLimit(options.clock);
  }

  /** The size of a part that cannot be sent, because its connection breaks every time. */
  get breaksBefore(): number | undefined {
    return this.#inFlight.breaksAlways ? this.#brokenSize : undefined;
  }

  /**
   * Does the work once its host has a free connection and the line has room for its bytes. The work reports its progress
   * to the transfer. It is done again after it was preempted.
   */
  async use<T>(
    host: string,
    load: Load,
    signal: AbortSignal,
    work: (transfer: Transfer) => Promise<T>,
  ): Promise<T> {
    const ticket = this.#tickets++;
    for (;;) {
      const transfer = await this.#enter({ host, load, ticket }, signal);
      try {
        const result = await work(transfer);
        this.#arrived(transfer);
        return result;
      } catch (error) {
        if (!transfer.isPreempted || signal.aborted) throw this.#failed(error, load);
      } finally {
        this.#leave(host, transfer);
      }
    }
  }

  /** Callers enter in the order of their tickets. A preempted one keeps its ticket. */
  #enter({ host, load, ticket }: Omit<Waiter, "enter">, signal: AbortSignal): Promise<Transfer> {
    const queue = this.#waiting[load.kind];
    const entered = abortable<Transfer>(signal, (resolve) => {
      const enter = () => resolve(this.#start(host, load, signal));
      const waiter: Waiter = { host, load, ticket, enter };
      queue.splice(queue.findLastIndex((other) => other.ticket < ticket) + 1, 0, waiter);
      return () => queue.splice(queue.indexOf(waiter), 1);
    });
    this.#admit();
    return entered;
  }

  #start(host: string, load: Load, signal: AbortSignal): Transfer {
    const transfer = new Transfer(load, signal, (bytes) => this.#addSent(bytes));
    this.#transfers.add(transfer);
    this.#used.set(host, (this.#used.get(host) ?? 0) + 1);
    this.#lastKind = load.kind;
    return transfer;
  }

  #leave(host: string, transfer: Transfer): void {
    transfer.release();
    this.#warmHost = host;
    this.#transfers.delete(transfer);
    this.#used.set(host, (this.#used.get(host) ?? 0) - 1);
    if (this.#transfers.size === 0) this.#inFlight.rest();
    this.#admit();
  }

  #addSent(bytes: number): void {
    this.#perHost.addSent(bytes);
    if (this.#bytesInFlight >= this.#minBytesForRate) this.#inFlight.addSent(bytes);
    else this.#inFlight.rest();
    this.#preemptExcess();
    this.#admit();
  }

  #arrived(transfer: Transfer): void {
    this.#inFlight.addArrived(transfer.load.size);
    this.#perHost.arrived();
    transfer.progress(transfer.load.size); // a silent form has reported none
  }

  #failed(error: unknown, { size }: Load): unknown {
    if (error instanceof ConnectionBroken) {
      this.#inFlight.broke();
      this.#brokenSize = size;
    }
    if (error instanceof PartError && isOutage(error)) this.#perHost.throttled();
    this.#inFlight.rest();
    return error;
  }

  #admit(): void {
    for (let next = this.#next(); next; next = this.#next()) next.enter();
  }

  #next(): Waiter | undefined {
    const isFree = (host: string) => (this.#used.get(host) ?? 0) < this.#perHost.current;
    if (this.#used.size > 1 && ![...this.#used.keys()].some(isFree)) return undefined;
    const kinds = [other(this.#lastKind), this.#lastKind].sort(
      (a, b) => this.#of(a).length - this.#of(b).length,
    );
    for (const kind of kinds) {
      const free = this.#waiting[kind].filter(({ host }) => isFree(host));
      const first = free.find(({ host }) => host === this.#warmHost) ?? free[0];
      if (first && this.#fits(first.load)) return first;
    }
    return undefined;
  }

  #fits({ kind, size }: Load): boolean {
    const inFlight = this.#of(kind);
    if (inFlight.length === 0) return true;
    const isShared = this.#of(other(kind)).length + this.#waiting[other(kind)].length > 0;
    const limit = this.#inFlight.bytes / (isShared ? 2 : 1);
    return inFlight.reduce((sum, { load }) => sum + load.size, size) <= limit;
  }

  /**
   * Preempts the parts that have sent least, when all together would take much too long. Their whole sizes count: bytes
   * that have left the page may still be in buffers.
   */
  #preemptExcess(): void {
    const limit = this.#inFlight.bytes;
    const parts = this.#of("part").sort((a, b) => a.unsent - b.unsent);
    if (parts.reduce((bytes, { load }) => bytes + load.size, 0) <= EXCESS * limit) return;
    let keptBytes = 0;
    for (const part of parts) {
      const { size } = part.load;
      if (keptBytes > 0 && keptBytes + size > limit && part.unsent > size * NEARLY_SENT) part.preempt();
      else keptBytes += size;
    }
  }

  get #bytesInFlight(): number {
    return [...this.#transfers].reduce((bytes, { load }) => bytes + load.size, 0);
  }

  #of(kind: Kind): Transfer[] {
    return [...this.#transfers].filter(({ load, isPreempted }) => load.kind === kind && !isPreempted);
  }
}

function other(kind: Kind): Kind {
  return kind === "file" ? "part" : "file";
}

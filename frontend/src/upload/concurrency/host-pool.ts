// Places for every host name, shared by all files (HTTP/1.1 gives a browser six connections to a host), and bytes for
// the line that leads to all of them: as many as the line and S3 are good for.
//
// Fairness: whole files and parts of large files wait in a queue each. The kind that holds fewer places goes first, the
// kinds by turns where both hold as many; so each gets half of the places while both wait. Each may have half of the
// line's bytes then, and one load of each kind always travels: neither starves the other on a slow line.
//
// On a line that turns out slow, the parts that have sent least are dropped and wait again. Those that are nearly through
// stay.
// Must not know how loads travel.
import { BrokenLine, isOutage, PartError } from "../errors";
import { Width, type WidthOptions } from "./adaptive-limit";
import { Line } from "./in-flight-limit";
import { type Load, Travel } from "./transfer";

/** Parts are dropped when they would take so many times as long as they should: a rate is never exact. */
const TOO_MUCH = 2;
/** A part is nearly through when no more than this share of it is still to be sent. */
const NEARLY = 1 / 4;

type Kind = Load["kind"];
type Waiter = { host: string; load: Load; ticket: number; enter: () => void };

export type HostPoolOptions = WidthOptions & {
  /** Fewer bytes than these, under way together, do not fill a line: they tell nothing about its rate. */
  telling: number;
};

export class HostPool {
  /** More than this there are never, for one host. */
  readonly most: number;
  readonly #telling: number;
  readonly #width: Width;
  readonly #line: Line;
  readonly #used = new Map<string, number>();
  readonly #waiting: Record<Kind, Waiter[]> = { file: [], part: [] };
  readonly #travels = new Set<Travel>();
  #last: Kind = "part";
  /** The host that something has just arrived at: its connection is warm, and fills the line at once. */
  #left: string | undefined;
  #tickets = 0;
  /** The size of what broke last. */
  #broken: number | undefined;

  constructor(options: HostPoolOptions) {
    this.most = options.most;
    this.#telling = options.telling;
    this.#width = new Width(options);
    this.#line = new Line(options.clock);
  }

  /** The size of a part that does not get through: the line breaks before, again and again. */
  get breaksBefore(): number | undefined {
    return this.#line.breaksAlways ? this.#broken : undefined;
  }

  /**
   * Does the work when its host has a place and the line takes its bytes. The work says how far it is; it is done again
   * when it was dropped.
   */
  async use<T>(
    host: string,
    load: Load,
    signal: AbortSignal,
    work: (travel: Travel) => Promise<T>,
  ): Promise<T> {
    const ticket = this.#tickets++;
    for (;;) {
      const travel = await this.#enter({ host, load, ticket }, signal);
      try {
        const result = await work(travel);
        this.#arrived(travel);
        return result;
      } catch (error) {
        if (!travel.isDropped || signal.aborted) throw this.#failed(error, load);
      } finally {
        this.#leave(host, travel);
      }
    }
  }

  /** In the order in which they came, those that were dropped too. */
  #enter({ host, load, ticket }: Omit<Waiter, "enter">, signal: AbortSignal): Promise<Travel> {
    signal.throwIfAborted();
    const queue = this.#waiting[load.kind];
    return new Promise((resolve, reject) => {
      const leave = () => {
        queue.splice(queue.indexOf(waiter), 1);
        signal.removeEventListener("abort", stop);
      };
      const stop = () => {
        leave();
        reject(signal.reason);
      };
      const enter = () => {
        leave();
        resolve(this.#begin(host, load, signal));
      };
      const waiter: Waiter = { host, load, ticket, enter };
      queue.splice(queue.findLastIndex((other) => other.ticket < ticket) + 1, 0, waiter);
      signal.addEventListener("abort", stop, { once: true });
      this.#look();
    });
  }

  #begin(host: string, load: Load, signal: AbortSignal): Travel {
    const travel = new Travel(load, signal, (bytes) => this.#moved(bytes));
    this.#travels.add(travel);
    this.#used.set(host, (this.#used.get(host) ?? 0) + 1);
    this.#last = load.kind;
    return travel;
  }

  #leave(host: string, travel: Travel): void {
    travel.release();
    this.#left = host;
    this.#travels.delete(travel);
    this.#used.set(host, (this.#used.get(host) ?? 0) - 1);
    if (this.#travels.size === 0) this.#line.rest();
    this.#look();
  }

  #moved(bytes: number): void {
    this.#width.moved(bytes);
    if (this.#underWay >= this.#telling) this.#line.moved(bytes);
    else this.#line.rest();
    this.#dropExcess();
    this.#look();
  }

  #arrived(travel: Travel): void {
    this.#line.arrived(travel.load.size);
    this.#width.arrived();
    travel.moved(travel.load.size); // where nobody said how far it was
  }

  #failed(error: unknown, { size }: Load): unknown {
    if (error instanceof BrokenLine) {
      this.#line.broke();
      this.#broken = size;
    }
    if (error instanceof PartError && isOutage(error)) this.#width.pushedBack();
    this.#line.rest();
    return error;
  }

  /** Lets in whoever there is room for. */
  #look(): void {
    for (let next = this.#next(); next; next = this.#next()) next.enter();
  }

  #next(): Waiter | undefined {
    const isFree = (host: string) => (this.#used.get(host) ?? 0) < this.#width.now;
    if (this.#used.size > 1 && ![...this.#used.keys()].some(isFree)) return undefined;
    const kinds = [other(this.#last), this.#last].sort((a, b) => this.#of(a).length - this.#of(b).length);
    for (const kind of kinds) {
      const free = this.#waiting[kind].filter(({ host }) => isFree(host));
      const first = free.find(({ host }) => host === this.#left) ?? free[0];
      if (first && this.#fits(first.load)) return first;
    }
    return undefined;
  }

  #fits({ kind, size }: Load): boolean {
    const under = this.#of(kind);
    if (under.length === 0) return true;
    const isShared = this.#of(other(kind)).length + this.#waiting[other(kind)].length > 0;
    const bound = this.#line.bound / (isShared ? 2 : 1);
    const sum = under.reduce((bytes, { load }) => bytes + load.size, size);
    return sum <= bound;
  }

  /**
   * Ends the parts that have sent least, where all together would take much too long. Whole sizes count: what seems to have
   * left may be in buffers.
   */
  #dropExcess(): void {
    const { bound } = this.#line;
    const parts = this.#of("part").sort((a, b) => a.unsent - b.unsent);
    if (parts.reduce((bytes, { load }) => bytes + load.size, 0) <= TOO_MUCH * bound) return;
    let kept = 0;
    for (const part of parts) {
      const { size } = part.load;
      if (kept > 0 && kept + size > bound && part.unsent > size * NEARLY) part.drop();
      else kept += size;
    }
  }

  get #underWay(): number {
    return [...this.#travels].reduce((bytes, { load }) => bytes + load.size, 0);
  }

  #of(kind: Kind): Travel[] {
    return [...this.#travels].filter(({ load, isDropped }) => load.kind === kind && !isDropped);
  }
}

function other(kind: Kind): Kind {
  return kind === "file" ? "part" : "file";
}

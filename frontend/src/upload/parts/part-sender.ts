// Sends parts of one upload to S3, several at a time, each retried by itself, and counts the bytes.
// Must not know how the upload was created, nor when it is complete.

import type { PartsUpload, Sheet } from "../api/contract";
import type { Checksums } from "../checksums/part-checksums";
import type { Clock } from "../clock";
import { Finishing } from "../concurrency/finish-on-pause";
import type { HostPool } from "../concurrency/host-pool";
import { following, untilAborted } from "../concurrency/linked-abort";
import type { Pause } from "../concurrency/pause";
import type { Load, Travel } from "../concurrency/transfer";
import { Corrupted, isSuccess, PartError, partErrorOf, Unsigned } from "../errors";
import type { Transport } from "../ports";
import type { Breaker } from "../retry/circuit-breaker";
import { isRetryable, retrySending, whyNotSent } from "../retry/retry-sending";
import type { Settings } from "../settings";
import { PartQueue, type Sender } from "./part-queue";
import { allParts, type PartRange, partRange } from "./part-ranges";
import { canGo, goAnywhere, hostsOf, partUrl, type SheetSource, Sheets } from "./sheet";

export type PartSenderOptions = {
  upload: PartsUpload;
  data: Blob;
  checksums: Checksums;
  sheets: SheetSource;
  transport: Transport;
  pool: HostPool;
  breaker: Breaker;
  clock: Clock;
  settings: Settings;
  pause: Pause;
  onProgress: (sent: number) => void;
  /** Told of every part that S3 has, with its checksum. */
  onPart: (number: number, crc64nvme: string) => void;
};

/** What ends one part, and what ends all. */
type Signals = { signal: AbortSignal; sending: AbortSignal };

export class PartSender {
  readonly #options: PartSenderOptions;
  readonly #sheets: Sheets;
  readonly #sent = new Map<number, number>();
  #total = 0;
  #finishing: Finishing | undefined;

  constructor(options: PartSenderOptions) {
    this.#options = options;
    this.#sheets = new Sheets(options.upload.sheet, options.sheets, options.clock);
  }

  get isSending(): boolean {
    return this.#finishing !== undefined;
  }

  /** The pause has begun: `send` finishes what is nearly through and rejects with Paused, unless resumed before. */
  pause(): void {
    this.#finishing?.begin();
  }

  /** Sends these parts; the first that fails for good stops the others and is thrown. */
  async send(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const { pause, clock, settings } = this.#options;
    const { controller: stop, release } = following(signal);
    this.#finishing = new Finishing({ pause, clock, longest: settings.pauseTime, stop });
    try {
      await this.#sendAll(numbers, stop.signal, this.#finishing);
    } catch (error) {
      stop.abort();
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#finishing = undefined;
      release();
    }
  }

  /** Says which parts S3 does not hold; all others count as sent. */
  expect(missing: readonly number[]): void {
    const absent = new Set(missing);
    this.#sent.clear();
    this.#total = 0;
    for (const number of allParts(this.#options.upload.part_count)) {
      const size = absent.has(number) ? 0 : this.#size(number);
      this.#sent.set(number, size);
      this.#total += size;
    }
    this.#options.onProgress(this.#total);
  }

  /** As many senders as the pool has places, in turn over the host names, each taking the next part of all. */
  async #sendAll(numbers: readonly number[], sending: AbortSignal, finishing: Finishing): Promise<void> {
    const { pool, clock } = this.#options;
    const count = Math.min(pool.most * this.#sheets.current.urls.length, numbers.length);
    const queue = new PartQueue(numbers, (number) => this.#size(number), count, clock);
    const send = async (sender: Sender, index: number) => {
      const isFor = (number: number) => canGo(this.#sheets.current, number, index);
      while (!queue.isEmpty) {
        const { changed } = queue;
        const number = queue.next(sender, goAnywhere(this.#sheets.current) ? undefined : isFor);
        if (number === undefined) await changed;
        else
          await finishing.use(
            () => this.#isMostlySent(number),
            (signal) => this.#sendPart(number, sender, index, { signal, sending }),
          );
      }
    };
    await Promise.all(queue.senders.map(send));
  }

  /**
   * One part until S3 has it. The place in the pool is free while the part waits for its next try, which goes by the
   * next host name: one of them may be out of reach.
   */
  async #sendPart(
    number: number,
    sender: Sender,
    first: number,
    { signal, sending }: Signals,
  ): Promise<void> {
    const { pool, breaker, clock, settings } = this.#options;
    let turn = first;
    let damaged = 0;
    const isWorthAnotherTry = (error: unknown) =>
      isRetryable(error) || error instanceof Corrupted || (isDamaged(error) && ++damaged === 1);
    const attempt = async () => {
      const sheet = this.#sheets.current;
      const hosts = hostsOf(sheet);
      while (!canGo(sheet, number, turn)) turn++;
      const host = turn++ % hosts.length;
      const put = (travel: Travel) =>
        breaker.use(travel.signal, () => this.#put(number, host, sender, travel, sending));
      const load: Load = { kind: "part", size: this.#size(number) };
      await this.#compare(number, await pool.use(hosts[host] ?? "", load, signal, put), signal);
    };
    await retrySending(attempt, {
      breaker,
      clock,
      rule: settings.partRetry,
      isRetryable: isWorthAnotherTry,
      signal,
    });
  }

  /** Resolves with the checksum of what S3 received, where the browser may see it. */
  async #put(
    number: number,
    host: number,
    sender: Sender,
    travel: Travel,
    sending: AbortSignal,
  ): Promise<string | null> {
    const { transport, checksums, clock } = this.#options;
    const { signal } = travel;
    const sheet = await untilAborted(this.#signedFor(number, sending), signal); // others wait for it too
    // Hashed while it is sent; whoever waits for it hears of a failure.
    checksums.of(number, signal).catch(() => undefined);
    const body = this.#part(number);
    const url = partUrl(sheet, number, host % sheet.urls.length);
    const onProgress = (sent: number) => {
      sender.moved(sent);
      travel.moved(sent);
      if (sent > 0) this.#options.breaker.reached();
      this.#count(number, Math.min(sent, body.size));
    };
    let arrived = false;
    sender.begins(body.size);
    try {
      const answer = await transport({ url, body, headers: sheet.headers ?? {}, signal, onProgress });
      if (!isSuccess(answer)) throw partErrorOf(number, answer, clock.now());
      this.#count(number, body.size);
      arrived = true;
      return answer.header("x-amz-checksum-crc64nvme");
    } catch (error) {
      this.#count(number, 0);
      if (error instanceof PartError && error.verdict === "refused") this.#sheets.refuse(sheet);
      throw await whyNotSent(error, body, travel, clock);
    } finally {
      sender.ended(arrived);
    }
  }

  /** The API is waited for in a retry layer of its own, so that its failure is no failure of S3. */
  async #signedFor(number: number, signal: AbortSignal): Promise<Sheet> {
    try {
      return await this.#sheets.for(number, signal);
    } catch (error) {
      throw new Unsigned("No sheet could be had", { cause: error });
    }
  }

  /** A part that S3 received otherwise than it was read is sent again, alone. */
  async #compare(number: number, received: string | null, signal: AbortSignal): Promise<void> {
    const { checksums } = this.#options;
    const read = await checksums.of(number, signal);
    if (received === null || received === read) return this.#options.onPart(number, read);
    checksums.forget(number);
    this.#count(number, 0);
    throw new Corrupted(`Part ${number}: S3 received other bytes than were read`);
  }

  /** A slice without a type, so that the browser sends no Content-Type. */
  #part(number: number): Blob {
    const { start, end } = this.#range(number);
    return this.#options.data.slice(start, end);
  }

  #isMostlySent(number: number): boolean {
    return (this.#sent.get(number) ?? 0) > this.#size(number) / 2;
  }

  #size(number: number): number {
    const { start, end } = this.#range(number);
    return end - start;
  }

  #range(number: number): PartRange {
    const { upload, data } = this.#options;
    return partRange(number, upload.part_size, data.size);
  }

  #count(number: number, sent: number): void {
    const moved = sent - (this.#sent.get(number) ?? 0);
    this.#total += moved;
    this.#sent.set(number, sent);
    this.#options.onProgress(this.#total);
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof PartError && error.verdict === "damaged";
}

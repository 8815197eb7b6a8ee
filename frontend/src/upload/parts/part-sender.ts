// Sends parts of one upload to S3, several at a time, each with its own retries, and counts the bytes.
// Must not know how the upload was created, nor how it is completed.

import type { PartsUpload, Sheet } from "../api/contract";
import type { PartChecksums } from "../checksums/part-checksums";
import type { Clock } from "../clock";
import { FinishOnPause } from "../concurrency/finish-on-pause";
import type { HostPool } from "../concurrency/host-pool";
import { linkedAbort, untilAborted } from "../concurrency/linked-abort";
import type { Pause } from "../concurrency/pause";
import type { Load, Transfer } from "../concurrency/transfer";
import { Corrupted, isSuccess, NoSheet, PartError, partErrorOf } from "../errors";
import type { Transport } from "../ports";
import type { CircuitBreaker } from "../retry/circuit-breaker";
import { isRetryable, retrySending, sendFailure } from "../retry/retry-sending";
import type { Settings } from "../settings";
import type { PartLane } from "./part-lane";
import { PartQueue } from "./part-queue";
import { allParts, type PartRange, partRange } from "./part-ranges";
import { hostsOf, isSignedFor, partUrl, type SheetSource, Sheets, signsEveryHost } from "./sheet";

export type PartSenderOptions = {
  upload: PartsUpload;
  data: Blob;
  checksums: PartChecksums;
  sheets: SheetSource;
  transport: Transport;
  pool: HostPool;
  breaker: CircuitBreaker;
  clock: Clock;
  settings: Settings;
  pause: Pause;
  /** Called with the bytes of the file that have left or are in S3. */
  onProgress: (sent: number) => void;
  /** Called when every byte has left, before S3 has confirmed the last parts. Again after parts had to be sent again. */
  onAllSent: () => void;
  /** Called for every part that S3 has, with its checksum. */
  onPart: (number: number, crc64nvme: string) => void;
};

/** One part of one lane; `sending` is aborted when the sending of all parts ends. */
type Sending = { number: number; lane: PartLane; sending: AbortSignal };

export class PartSender {
  readonly #options: PartSenderOptions;
  readonly #sheets: Sheets;
  /** Bytes that have left, by part number. */
  readonly #sent = new Map<number, number>();
  #total = 0;
  #finishing: FinishOnPause | undefined;

  constructor(options: PartSenderOptions) {
    this.#options = options;
    this.#sheets = new Sheets(options.upload.sheet, options.sheets, options.clock);
  }

  get isSending(): boolean {
    return this.#finishing !== undefined;
  }

  /** A pause has started: `send` finishes parts that are mostly sent and rejects with Paused, unless resumed before. */
  pause(): void {
    this.#finishing?.start();
  }

  /** Sends the parts that S3 does not hold. Rejects with the first error that is final, and stops the others. */
  async send(missing: readonly number[], signal: AbortSignal): Promise<void> {
    const { pause, clock, settings } = this.#options;
    this.#markMissing(missing);
    const { controller: stop, release } = linkedAbort(signal);
    this.#finishing = new FinishOnPause({ pause, clock, grace: settings.pauseGrace, stop });
    try {
      await this.#sendAll(missing, stop.signal, this.#finishing);
    } catch (error) {
      stop.abort();
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#finishing = undefined;
      release();
    }
  }

  /** All other parts count as sent. */
  #markMissing(numbers: readonly number[]): void {
    const missing = new Set(numbers);
    this.#total = 0;
    for (const number of allParts(this.#options.upload.part_count)) {
      const size = missing.has(number) ? 0 : this.#size(number);
      this.#sent.set(number, size);
      this.#total += size;
    }
    this.#report();
  }

  /** As many lanes as the pool has connections, alternating over the host names. Each takes the next part of all. */
  async #sendAll(numbers: readonly number[], sending: AbortSignal, finishing: FinishOnPause): Promise<void> {
    const { pool, clock } = this.#options;
    const count = Math.min(pool.most * this.#sheets.current.urls.length, numbers.length);
    const queue = new PartQueue(numbers, (number) => this.#size(number), count, clock);
    const runLane = async (lane: PartLane, index: number) => {
      const isFor = (number: number) => isSignedFor(this.#sheets.current, number, index);
      while (!queue.isEmpty) {
        const { partEnded } = queue;
        const number = queue.next(lane, signsEveryHost(this.#sheets.current) ? undefined : isFor);
        if (number === undefined) await partEnded;
        else
          await finishing.use(
            () => this.#isMostlySent(number),
            (signal) => this.#sendPart({ number, lane, sending }, index, signal),
          );
      }
    };
    await Promise.all(queue.lanes.map(runLane));
  }

  /**
   * Resolves when S3 has the part. Between two attempts it holds no connection. Each attempt uses the next host name,
   * because one of them may be unreachable.
   */
  async #sendPart(part: Sending, firstHost: number, signal: AbortSignal): Promise<void> {
    const { pool, breaker, clock, settings } = this.#options;
    const load: Load = { kind: "part", size: this.#size(part.number) };
    let next = firstHost;
    let damages = 0;
    const attempt = async () => {
      const sheet = this.#sheets.current;
      const hosts = hostsOf(sheet);
      while (!isSignedFor(sheet, part.number, next)) next++;
      const host = next++ % hosts.length;
      const put = (transfer: Transfer) => breaker.use(transfer.signal, () => this.#put(part, host, transfer));
      await this.#verify(part.number, await pool.use(hosts[host] ?? "", load, signal, put), signal);
    };
    const canRetry = (error: unknown) =>
      isRetryable(error) || error instanceof Corrupted || (isDamaged(error) && ++damages === 1);
    const retry = { breaker, clock, rule: settings.partRetry, isRetryable: canRetry, signal };
    await retrySending(attempt, retry);
  }

  /** Resolves with the checksum of the bytes that S3 received; with null where the browser hides it. */
  async #put({ number, lane, sending }: Sending, host: number, transfer: Transfer): Promise<string | null> {
    const { transport, checksums, clock } = this.#options;
    const { signal } = transfer;
    const sheet = await untilAborted(this.#sheetFor(number, sending), signal); // other parts wait for it too
    // Hashed while it is sent. `#verify` receives the failure.
    checksums.of(number, signal).catch(() => undefined);
    const body = this.#part(number);
    const url = partUrl(sheet, number, host % sheet.urls.length);
    const onProgress = (sent: number) => {
      lane.progress(sent);
      transfer.progress(sent);
      if (sent > 0) this.#options.breaker.reached();
      this.#count(number, Math.min(sent, body.size));
    };
    let hasArrived = false;
    lane.start(body.size);
    try {
      const response = await transport({ url, body, headers: sheet.headers ?? {}, signal, onProgress });
      if (!isSuccess(response)) throw partErrorOf(number, response, clock.now());
      this.#count(number, body.size);
      hasArrived = true;
      return response.header("x-amz-checksum-crc64nvme");
    } catch (error) {
      this.#count(number, 0);
      if (error instanceof PartError && error.verdict === "refused") this.#sheets.refuse(sheet);
      throw await sendFailure(error, body, transfer, clock);
    } finally {
      lane.end(hasArrived);
    }
  }

  /** Calls of the API have a retry layer of their own: their failure must not count as a failure of S3. */
  async #sheetFor(number: number, signal: AbortSignal): Promise<Sheet> {
    try {
      return await this.#sheets.for(number, signal);
    } catch (error) {
      throw new NoSheet("No sheet", { cause: error });
    }
  }

  /** Throws Corrupted when S3 received other bytes than the page read: only this part is sent again. */
  async #verify(number: number, received: string | null, signal: AbortSignal): Promise<void> {
    const { checksums } = this.#options;
    const read = await checksums.of(number, signal);
    if (received === null || received === read) return this.#options.onPart(number, read);
    checksums.forget(number);
    this.#count(number, 0);
    throw new Corrupted(`Part ${number}: S3 received other bytes than the page read`);
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
    this.#total += sent - (this.#sent.get(number) ?? 0);
    this.#sent.set(number, sent);
    this.#report();
  }

  #report(): void {
    const { data, onProgress, onAllSent } = this.#options;
    onProgress(this.#total);
    if (this.#total === data.size) onAllSent();
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof PartError && error.verdict === "damaged";
}

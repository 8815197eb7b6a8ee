// Sends parts of one upload to S3, several at a time, each retried by itself, and counts the bytes.
// Must not know how the upload was created, nor when it is complete.
import type { Breaker } from "./breaker";
import type { Checksums } from "./checksums";
import type { Clock } from "./clock";
import type { CreatedUpload, Sheet } from "./contract";
import { Corrupted, isOutage, NetworkError, PartError, parseRetryAfter, ReadError } from "./errors";
import { following } from "./following";
import { PartQueue, type Sender } from "./part-queue";
import { allParts, type PartRange, partRange } from "./parts";
import { retry } from "./retry";
import { parseS3Error, type Verdict } from "./s3-errors";
import type { Settings } from "./settings";
import { canGo, goAnywhere, hostsOf, partUrl, type SheetSource, Sheets } from "./sheet";
import type { HostPool } from "./slots";
import type { PutAnswer, Transport } from "./transport";

/** What another try of the same part may cure. */
const RETRYABLE: ReadonlySet<Verdict> = new Set(["outage", "retry", "refused"]);

export type PartSenderOptions = {
  upload: CreatedUpload;
  data: Blob;
  checksums: Checksums;
  /** Headers of every PUT where the sheet of an older API names none; S3's signature must know them. */
  headers: Record<string, string>;
  sheets: SheetSource;
  transport: Transport;
  pool: HostPool;
  breaker: Breaker;
  clock: Clock;
  settings: Settings;
  onProgress: (sent: number) => void;
  /** Told of every part that S3 has, with its checksum. */
  onPart: (number: number, crc64nvme: string) => void;
};

export class PartSender {
  readonly #options: PartSenderOptions;
  readonly #sheets: Sheets;
  readonly #sent = new Map<number, number>();
  #total = 0;

  constructor(options: PartSenderOptions) {
    this.#options = options;
    this.#sheets = new Sheets(options.upload.sheet, options.sheets, options.clock);
  }

  /** Sends these parts; the first that fails for good stops the others and is thrown. */
  async send(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const { controller: stop, release } = following(signal);
    try {
      await this.#sendAll(numbers, stop.signal);
    } catch (error) {
      stop.abort();
      signal.throwIfAborted();
      throw error;
    } finally {
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
  async #sendAll(numbers: readonly number[], signal: AbortSignal): Promise<void> {
    const { pool, clock } = this.#options;
    const count = Math.min(pool.most * this.#sheets.current.urls.length, numbers.length);
    const queue = new PartQueue(numbers, (number) => this.#size(number), count, clock);
    const send = async (sender: Sender, index: number) => {
      const isFor = (number: number) => canGo(this.#sheets.current, number, index);
      while (!queue.isEmpty) {
        const { changed } = queue;
        const number = queue.next(sender, goAnywhere(this.#sheets.current) ? undefined : isFor);
        if (number === undefined) await changed;
        else await this.#sendPart(number, sender, index, signal);
      }
    };
    await Promise.all(queue.senders.map(send));
  }

  /**
   * One part until S3 has it. The place in the pool is free while the part waits for its next try, which goes by the
   * next host name: one of them may be out of reach. In an outage it waits its turn, and that counts for nothing: it is
   * not this part that is ill.
   */
  async #sendPart(number: number, sender: Sender, first: number, signal: AbortSignal): Promise<void> {
    const { pool, breaker, clock, settings } = this.#options;
    let turn = first;
    let damaged = 0;
    const isRetryable = (error: unknown) => isWorthAnotherTry(error) || (isDamaged(error) && ++damaged === 1);
    const attempt = async () => {
      const sheet = this.#sheets.current;
      const hosts = hostsOf(sheet);
      while (!canGo(sheet, number, turn)) turn++;
      const host = turn++ % hosts.length;
      const put = () => breaker.use(signal, () => this.#put(number, host, sender, signal));
      await this.#compare(number, await pool.use(hosts[host] ?? "", signal, put), signal);
    };
    const isExempt = (error: unknown) => isOutage(error) && breaker.isOpen;
    try {
      await retry(attempt, { rule: settings.partRetry, clock, isRetryable, isExempt, signal });
    } catch (error) {
      throw error instanceof Unsigned ? error.cause : error;
    }
  }

  /** Resolves with the checksum of what S3 received, where the browser may see it. */
  async #put(number: number, host: number, sender: Sender, signal: AbortSignal): Promise<string | null> {
    const { upload, transport, headers, checksums } = this.#options;
    const sheet = await this.#signedFor(number, signal);
    // Hashed while it is sent; whoever waits for it hears of a failure.
    checksums.of(number, signal).catch(() => undefined);
    const body = this.#part(number);
    const url = partUrl(sheet, upload.strategy, number, host % sheet.urls.length);
    const onProgress = (sent: number) => {
      sender.moved(sent);
      this.#count(number, Math.min(sent, body.size));
    };
    let arrived = false;
    sender.begins(body.size);
    try {
      const answer = await transport({ url, body, headers: sheet.headers ?? headers, signal, onProgress });
      if (answer.status < 200 || answer.status > 299) this.#judge(this.#partError(number, answer), sheet);
      this.#count(number, body.size);
      arrived = true;
      return answer.header("x-amz-checksum-crc64nvme");
    } catch (error) {
      this.#count(number, 0);
      throw await this.#readable(number, error);
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

  /** Throws what S3 answered, unless it says that the object is there. `complete` compares its size and checksum. */
  #judge(error: PartError, sheet: Sheet): void {
    if (error.verdict === "arrived" && this.#options.upload.strategy === "put") return;
    if (error.verdict === "refused") this.#sheets.refuse(sheet);
    throw error;
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

  /** A browser that cannot read a file any more says no more than that the request failed. */
  async #readable(number: number, error: unknown): Promise<unknown> {
    if (!(error instanceof NetworkError)) return error;
    try {
      await this.#part(number).slice(0, 1).arrayBuffer();
      return error;
    } catch (cause) {
      return new ReadError("The file has changed or is gone", { cause });
    }
  }

  #partError(number: number, { status, text, header }: PutAnswer): PartError {
    const { code, message } = parseS3Error(text);
    const wait = parseRetryAfter(header("Retry-After"), this.#options.clock.now());
    return new PartError(number, status, code, message, wait);
  }

  /** A slice without a type, so that the browser sends no Content-Type. */
  #part(number: number): Blob {
    const { start, end } = this.#range(number);
    return this.#options.data.slice(start, end);
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
    if (moved > 0) this.#options.pool.moved(moved);
    this.#total += moved;
    this.#sent.set(number, sent);
    this.#options.onProgress(this.#total);
  }
}

/** The API gave no sheet: the cause is final, and S3 has no part in it. */
class Unsigned extends Error {
  override readonly name = "Unsigned";
}

function isWorthAnotherTry(error: unknown): boolean {
  if (error instanceof PartError) return RETRYABLE.has(error.verdict);
  return error instanceof NetworkError || error instanceof Corrupted;
}

function isDamaged(error: unknown): boolean {
  return error instanceof PartError && error.verdict === "damaged";
}

// The API and S3 in memory, as the engine sees them. They respond and store as the real ones do, record every request,
// and fail where a test injects a fault.
import { Api, type Fetch } from "../../src/upload/api/api";
import type { CreateRequest, Sheet, SheetRequest, State } from "../../src/upload/api/contract";
import { crc64nvme } from "../../src/upload/checksums/crc64nvme";
import { Engine } from "../../src/upload/engine";
import { NetworkError } from "../../src/upload/errors";
import type { Connectivity, Listener, SendRequest, SendResponse } from "../../src/upload/ports";
import type { Settings } from "../../src/upload/settings";
import { RushingClock } from "./clock";
import { MemoryJournal, MemoryLocks } from "./memory";
import { S3_ANSWERS, type S3Answer } from "./s3-answers";
import { WholeFiles } from "./whole-files";

/** A request to S3: a part, or a whole file by PUT or as a form. */
export type Put = {
  method: "PUT" | "POST";
  /** The object's key. */
  key: string;
  host: string;
  number: number;
  size: number;
  headers: Record<string, string>;
  type: string;
};
type StoredUpload = Omit<CreateRequest, "strategy"> & { id: string; state: State };

/** How S3 refuses a part: with one of its own responses, a bare status, or no response. */
export type Fault = S3Answer | number | "reset";

export class Cloud {
  partSize = 10;
  /** The part size of later uploads, where a setting has changed. */
  partSizeOfNew: number | undefined;
  putMaxSize = 20;
  hosts = ["one.test", "two.test"];
  sheetSize = 10_000;
  /** Whether parts are parseSignature for every host name, or each for one. */
  anyHost = true;
  sheetLife = 3_600_000;
  readonly clock = new RushingClock();
  readonly calls: string[] = [];
  readonly puts: Put[] = [];
  readonly stored = new Map<number, Blob>();
  inFlight = new Map<string, number>();
  widest = new Map<string, number>();
  fault: (put: Put, attempt: number) => Fault | undefined = () => undefined;
  /** The `Retry-After` of S3's error responses, if any. */
  retryAfter: string | undefined;
  /** An older API, whose sheets have no headers and whose presigned PUTs can be used more than once. */
  isOlder = false;
  /** Milliseconds for which S3 keeps the parts of an unfinished upload, where the API reports it. */
  partsLife: number | undefined;
  /** The requests for new sheets. */
  readonly sheetRequests: unknown[] = [];
  /** Whether S3 receives damaged bytes. */
  corrupt: (put: Put, attempt: number) => boolean = () => false;
  /** Whether the browser may read the checksum in S3's response. */
  exposes = true;
  hashed = 0;
  /** The connections that were opened early, and the number of API calls before that. */
  readonly connected: { origin: string; count: number; calls: number }[] = [];
  /** Whether the API has responded to the page before, so that the engine waits for it. */
  wasReached = false;
  /** Returns a response in place of the API's own, or undefined. */
  apiFault: (call: string, body: unknown) => Response | undefined = () => undefined;
  /** Both survive an engine, as they survive a page. */
  readonly journal = new MemoryJournal();
  readonly locks = new MemoryLocks();
  readonly connectivity: Connectivity = {
    isOnline: () => this.#isOnline,
    back: () => new Promise((resolve) => this.#back.push(resolve)),
  };
  /** The share of a part's bytes that leaves before the gate. */
  headStart: (put: Put) => number = () => 0;
  /** Resolves when a part may continue; by default after a millisecond. */
  gate: (put: Put) => Promise<void> = () => new Promise((resolve) => setTimeout(resolve, 1));
  /** Resolves when S3 may respond to a part that it has stored; rejects when its response is lost. */
  answerGate: (put: Put) => Promise<void> = () => Promise.resolve();
  /** The upload in parts. */
  upload: StoredUpload | undefined;
  /** The object that S3 assembled from the parts. A later part does not change it. */
  #assembled: Blob | undefined;
  /** The files that are sent whole. */
  readonly files = new WholeFiles(this);
  #page = 0;
  #sheets = 0;
  /** How many uploads in parts were created. */
  #created = 0;
  /** The number of the credentials that sign, and of the last ones that have expired. */
  readonly signer = { credentials: 1, expired: 0 };
  #isOnline = true;
  #back: (() => void)[] = [];

  /** The page closes. Its engines send nothing any more. */
  reload(): void {
    this.#page++;
    this.locks.held.clear();
  }

  /** The current credentials expire: S3 refuses every signature of theirs, also later ones. */
  expireCredentials(): void {
    this.signer.expired = this.signer.credentials;
  }

  /** The browser reports no network. Requests succeed all the same, unless a fault prevents it. */
  offline(): void {
    this.#isOnline = false;
  }

  online(): void {
    this.#isOnline = true;
    for (const resolve of this.#back.splice(0)) resolve();
  }

  engine(
    settings: Partial<Settings> = {},
    listener: Listener = {},
    idToken: (renew: boolean) => Promise<string> = () => Promise.resolve("id-token"),
  ): Engine {
    const page = this.#page;
    const isClosed = () => page !== this.#page;
    const fetch: Fetch = (url, options) => (isClosed() ? never() : this.fetch(url, options));
    const { clock, wasReached } = this;
    const api = new Api({ url: "https://api.test/", fetch, clock, idToken }, { wasReached });
    return new Engine({
      api,
      transport: (request) => (isClosed() ? never() : this.transport(request)),
      hasher: (data) => {
        this.hashed++;
        return crc64nvme(data);
      },
      clock: this.clock,
      connectivity: this.connectivity,
      journal: this.journal,
      preconnect: (origin, count) => this.connected.push({ origin, count, calls: this.calls.length }),
      locks: {
        claim: (name) => (isClosed() ? never() : this.locks.claim(name)),
        isHeld: (name) => this.locks.isHeld(name),
      },
      settings: { putMaxSize: this.putMaxSize, ...settings },
      listener,
    });
  }

  get object(): Blob {
    if (this.#assembled) return this.#assembled;
    return new Blob([...this.stored].sort(([a], [b]) => a - b).map(([, part]) => part));
  }

  readonly fetch = async (url: string, options: RequestInit): Promise<Response> => {
    const path = new URL(url).pathname;
    const call = `${options.method} ${path}`;
    const body = options.body ? JSON.parse(String(options.body)) : undefined;
    this.calls.push(call);
    return this.apiFault(call, body) ?? this.#answer(call, body);
  };

  async #answer(call: string, body: CreateRequest & SheetRequest & { wait?: number }): Promise<Response> {
    const whole = this.files.answer(call, body);
    if (whole) return whole;
    if (call === "POST /uploads") return json(201, this.create(body));
    const upload = this.upload;
    if (!upload) return problem(404, "upload_not_found");
    if (call.startsWith("DELETE")) {
      this.upload = undefined;
      return new Response(null, { status: 204 });
    }
    if (call === `GET /uploads/${upload.id}`) return json(200, upload);
    if (call.endsWith("/complete")) return this.#complete(upload, body.crc64nvme, body.wait);
    if (upload.state !== "uploading") return problem(409, "wrong_state");
    if (call.endsWith("/sheet")) return json(200, this.#newSheet(body));
    return json(200, { ...this.#plan(), parts: this.#parts() });
  }

  create(request: CreateRequest) {
    this.partSize = this.partSizeOfNew ?? this.partSize;
    this.upload = { ...request, id: "u1", state: "uploading" };
    this.#assembled = undefined;
    this.#created++;
    const names = { id: "u1", key: "k", state: "uploading", strategy: "multipart" };
    const created = { ...names, ...this.#plan(), sheet: this.#sheet(1) };
    if (this.partsLife === undefined) return created;
    return { ...created, parts_expire_at: new Date(this.clock.time + this.partsLife).toISOString() };
  }

  #newSheet(request: SheetRequest): Sheet {
    this.sheetRequests.push(request);
    if (request.refused) this.signer.credentials++;
    return this.#sheet(request.first ?? 1);
  }

  #plan() {
    const { size } = this.upload as StoredUpload;
    return { part_size: this.partSize, part_count: Math.max(1, Math.ceil(size / this.partSize)) };
  }

  #sheet(first: number): Sheet {
    const last = Math.min(this.#plan().part_count, first + this.sheetSize - 1);
    const { hosts } = this;
    const [sheet, upload] = [++this.#sheets, this.#created];
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const [signatures = [], ...others] = hosts.map((_, turn) =>
      numbers.map(
        (number) =>
          `s${sheet}c${this.signer.credentials}u${upload}n${number}@${hosts[(number - 1 + turn) % hosts.length]}`,
      ),
    );
    return {
      ...(this.isOlder ? {} : { headers: {} }),
      urls: hosts.map((host) => `https://${host}/bucket/k?X-Amz-Expires=900`),
      first,
      signatures,
      other_signatures: this.anyHost ? others : [],
      expires_at: new Date(this.clock.time + this.sheetLife).toISOString(),
    };
  }

  #parts() {
    return [...this.stored].map(([number, part]) => ({ number, size: part.size, etag: "e" }));
  }

  async #complete(upload: StoredUpload, checksum: string | undefined, wait = 0): Promise<Response> {
    const numbers = Array.from({ length: this.#plan().part_count }, (_, index) => index + 1);
    const missingNow = () => numbers.filter((number) => !this.stored.has(number));
    for (let looks = 0; missingNow().length > 0 && looks < wait * 5; looks++)
      await new Promise((resolve) => setTimeout(resolve, 1));
    const missing = missingNow();
    if (missing.length > 0) return problem(409, "parts_missing", { missing });
    const { object } = this;
    if (checksum !== (await crc64nvme(object))) return problem(422, "checksum_mismatch");
    this.#assembled = object;
    upload.state = "uploaded";
    return json(200, { id: upload.id, filename: upload.filename, size: upload.size, state: "uploaded" });
  }

  readonly transport = async (request: SendRequest): Promise<SendResponse> => {
    const url = new URL(request.url);
    const number = Number(url.searchParams.get("partNumber") ?? 1);
    const { body, headers = {}, fields, signal } = request;
    const key = fields?.key ?? url.pathname.split("/").at(-1) ?? "";
    const method = fields ? "POST" : "PUT";
    const put: Put = { method, key, host: url.host, number, size: body.size, headers, type: body.type };
    this.puts.push(put);
    this.#count(put.host, 1);
    const early = this.headStart(put) * body.size;
    if (early > 0) request.onProgress(early);
    try {
      await Promise.race([this.gate(put), aborted(signal)]);
    } finally {
      this.#count(put.host, -1);
    }
    request.onProgress(body.size);
    const attempt = this.puts.filter((other) => other.key === key && other.number === number).length;
    const isWhole = this.files.has(key);
    const refusal: Fault | undefined = isWhole
      ? this.files.refusal(put, url, fields)
      : this.#refusal(put, url);
    const fault = this.fault(put, attempt) ?? refusal;
    if (fault === "reset") throw new NetworkError("reset");
    if (typeof fault === "string") return s3Answer(fault, this.retryAfter);
    if (fault !== undefined) return answer(fault, "<Error><Code>Fault</Code><Message>Why</Message></Error>");
    const received = this.corrupt(put, attempt) ? new Blob(["?".repeat(body.size)]) : body;
    if (isWhole && !(await this.files.store(put, received))) return s3Answer("BadDigest");
    if (!isWhole) this.stored.set(number, received);
    await Promise.race([this.answerGate(put), aborted(signal)]);
    const exposed = { "x-amz-checksum-crc64nvme": await crc64nvme(received) };
    return answer(isWhole && fields ? 204 : 200, "", this.exposes ? exposed : {});
  };

  /** How S3 itself refuses a part. */
  #refusal({ host, number }: Put, url: URL): S3Answer | undefined {
    const signature = parseSignature(url);
    const isSigned = signature.number === number && signature.host === host;
    if (!(signature.upload <= this.#created) || !isSigned) return "SignatureDoesNotMatch";
    if (signature.credentials <= this.signer.expired) return "ExpiredToken";
    return this.upload && this.upload.state !== "uploading" ? "NoSuchUpload" : undefined;
  }

  #count(host: string, change: number): void {
    const now = (this.inFlight.get(host) ?? 0) + change;
    this.inFlight.set(host, now);
    this.widest.set(host, Math.max(now, this.widest.get(host) ?? 0));
  }
}

/** How often the API was called with, for example, "POST /uploads". */
export function count(cloud: Cloud, call: string): number {
  return cloud.calls.filter((each) => each === call).length;
}

/** The numbers of all parts that were sent, each as often as it was sent. */
export function numbers(cloud: Cloud): number[] {
  return cloud.puts.map(({ number }) => number).sort((a, b) => a - b);
}

function answer(status: number, text: string, headers: Record<string, string> = {}): SendResponse {
  const values = new Headers(headers);
  return { status, text, header: (name) => values.get(name) };
}

function s3Answer(name: S3Answer, retryAfter?: string): SendResponse {
  const [status, body] = S3_ANSWERS[name];
  return answer(status, body, retryAfter === undefined ? {} : { "Retry-After": retryAfter });
}

/** Parses a signature of this fake: its credentials, upload, part and host name. */
function parseSignature(url: URL) {
  const signature = url.searchParams.get("X-Amz-Signature") ?? "";
  const [, credentials, upload, number, host] = /^s\d+c(\d+)u(\d+)n(\d+)@(.+)$/.exec(signature) ?? [];
  return { credentials: Number(credentials), upload: Number(upload), number: Number(number), host };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

const abortions = new WeakMap<AbortSignal, Promise<never>>();

/** One promise, and so one listener, for each signal. */
function aborted(signal: AbortSignal): Promise<never> {
  const earlier = abortions.get(signal);
  if (earlier) return earlier;
  const abortion = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  abortion.catch(() => undefined);
  abortions.set(signal, abortion);
  return abortion;
}

export function json(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status });
}

export function problem(status: number, code: string, more: object = {}): Response {
  return json(status, {
    type: "about:blank",
    title: code,
    status,
    detail: `Detail of ${code}`,
    code,
    ...more,
  });
}

/** A file of this size, whose bytes differ from part to part. */
export function fileOf(size: number, name = "a.bin", type = "") {
  const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 3)) % 251);
  return { name, type, data: new Blob([bytes], { type: "text/plain" }) };
}

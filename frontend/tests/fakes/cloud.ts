// The API and S3 in memory, as the engine meets them: answers what they answer, keeps what they keep, counts what
// it sees, and fails when a test says so.
import { Api, type Fetch } from "../../src/upload/api";
import type { Connectivity } from "../../src/upload/connectivity";
import type { CreateRequest, Sheet, SheetRequest, State } from "../../src/upload/contract";
import { crc64nvme } from "../../src/upload/crc64nvme";
import { Engine } from "../../src/upload/engine";
import { NetworkError } from "../../src/upload/errors";
import type { Listener, Settings } from "../../src/upload/settings";
import type { PutAnswer, PutRequest } from "../../src/upload/transport";
import { RushingClock } from "./clock";
import { MemoryJournal, MemoryLocks } from "./memory";
import { S3_ANSWERS, type S3Answer } from "./s3-answers";

export type Put = {
  host: string;
  number: number;
  size: number;
  headers: Record<string, string>;
  type: string;
};
type Held = CreateRequest & { id: string; strategy: "put" | "multipart"; state: State };

/** What S3 answers instead of taking a part: one of its own answers, a bare status, or no answer at all. */
export type Fault = S3Answer | number | "reset";

export class Cloud {
  partSize = 10;
  /** The part size of uploads that are yet to come, where a setting has changed. */
  partSizeOfNew: number | undefined;
  putMaxSize = 20;
  hosts = ["one.test", "two.test"];
  sheetSize = 10_000;
  /** Whether parts are signed for every host name, or each for its own alone. */
  anyHost = true;
  sheetLife = 3_600_000;
  readonly clock = new RushingClock();
  readonly calls: string[] = [];
  readonly puts: Put[] = [];
  readonly stored = new Map<number, Blob>();
  inFlight = new Map<string, number>();
  widest = new Map<string, number>();
  fault: (put: Put, attempt: number) => Fault | undefined = () => undefined;
  /** An API of before sheets named the headers of their PUTs, and before presigned PUTs were good once. */
  isOlder = false;
  /** How long S3 keeps the parts of an unfinished upload (milliseconds), where the API says it. */
  partsLife: number | undefined;
  /** What was asked for each new sheet. */
  readonly sheetsAsked: unknown[] = [];
  /** Whether S3 receives other bytes than were sent. */
  corrupt: (put: Put, attempt: number) => boolean = () => false;
  /** Whether the browser may see the checksum of what S3 received. */
  exposes = true;
  hashed = 0;
  /** The connections that were opened ahead, and how many calls the API had had by then. */
  readonly connected: { origin: string; count: number; calls: number }[] = [];
  /** What the API answers instead: a response, or undefined. */
  apiFault: (call: string, body: unknown) => Response | undefined = () => undefined;
  /** Both outlive an engine, as they outlive a page. */
  readonly journal = new MemoryJournal();
  readonly locks = new MemoryLocks();
  readonly connectivity: Connectivity = {
    isOnline: () => this.#offline === undefined,
    online: () => this.#offline ?? Promise.resolve(),
  };
  /** Resolves when a part may go on; by default at once. */
  gate: (put: Put) => Promise<void> = () => new Promise((resolve) => setTimeout(resolve, 1));
  /** Resolves when S3 may answer for a part that it has; rejects when its answer is lost. */
  answerGate: (put: Put) => Promise<void> = () => Promise.resolve();
  upload: Held | undefined;
  #page = 0;
  #sheets = 0;
  /** For each upload that was created, by its number: the headers its PUTs are signed with, whether its object is there. */
  readonly #created: { headers: Record<string, string>; isStored: boolean }[] = [];
  /** The credentials that sign, by their number, and the last that S3 no longer takes. */
  #credentials = 1;
  #expired = 0;
  #offline: Promise<void> | undefined;
  #reconnect: () => void = () => undefined;

  /** The page is gone, with all it was doing: nothing of its engines is heard any more. */
  reload(): void {
    this.#page++;
    this.locks.held.clear();
  }

  /** The session of the credentials that sign is over: S3 refuses what they signed and will sign. */
  expireCredentials(): void {
    this.#expired = this.#credentials;
  }

  offline(): void {
    this.#offline = new Promise((resolve) => {
      this.#reconnect = resolve;
    });
  }

  online(): void {
    this.#offline = undefined;
    this.#reconnect();
  }

  engine(
    settings: Partial<Settings> = {},
    listener: Listener = {},
    idToken: (renew: boolean) => Promise<string> = () => Promise.resolve("id-token"),
  ): Engine {
    const page = this.#page;
    const gone = () => page !== this.#page;
    const fetch: Fetch = (url, options) => (gone() ? never() : this.fetch(url, options));
    const api = new Api({ url: "https://api.test/", fetch, clock: this.clock, idToken });
    return new Engine({
      api,
      transport: (request) => (gone() ? never() : this.transport(request)),
      hasher: (data) => {
        this.hashed++;
        return crc64nvme(data);
      },
      clock: this.clock,
      connectivity: this.connectivity,
      journal: this.journal,
      connect: (origin, count) => this.connected.push({ origin, count, calls: this.calls.length }),
      locks: {
        claim: (name) => (gone() ? never() : this.locks.claim(name)),
        isHeld: (name) => this.locks.isHeld(name),
      },
      settings: { putMaxSize: this.putMaxSize, ...settings },
      listener,
    });
  }

  get object(): Blob {
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
    if (call === "POST /uploads") return json(201, this.#create(body));
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

  #create(request: CreateRequest) {
    const strategy = request.size <= this.putMaxSize ? "put" : "multipart";
    this.partSize = this.partSizeOfNew ?? this.partSize;
    this.upload = { ...request, id: "u1", strategy, state: "uploading" };
    this.#created.push({ headers: this.#headers(), isStored: false });
    const created = {
      id: "u1",
      key: "k",
      state: "uploading",
      strategy,
      ...this.#plan(),
      sheet: this.#sheet(1),
    };
    if (this.partsLife === undefined || strategy === "put") return created;
    return { ...created, parts_expire_at: new Date(this.clock.time + this.partsLife).toISOString() };
  }

  #newSheet(request: SheetRequest): Sheet {
    this.sheetsAsked.push(request);
    if (request.refused) this.#credentials++;
    return this.#sheet(request.first ?? 1);
  }

  #plan() {
    const { size, strategy } = this.upload as Held;
    if (strategy === "put") return { part_size: size, part_count: 1 };
    return { part_size: this.partSize, part_count: Math.max(1, Math.ceil(size / this.partSize)) };
  }

  #sheet(first: number): Sheet {
    const { strategy } = this.upload as Held;
    const last = Math.min(this.#plan().part_count, first + this.sheetSize - 1);
    const hosts = strategy === "put" ? this.hosts.slice(0, 1) : this.hosts;
    const [sheet, upload] = [++this.#sheets, this.#created.length - 1];
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const [signatures = [], ...others] = hosts.map((_, turn) =>
      numbers.map(
        (number) =>
          `s${sheet}c${this.#credentials}u${upload}n${number}@${hosts[(number - 1 + turn) % hosts.length]}`,
      ),
    );
    return {
      ...(this.isOlder ? {} : { headers: this.#headers() }),
      urls: hosts.map((host) => `https://${host}/bucket/k?X-Amz-Expires=900`),
      first,
      signatures,
      other_signatures: this.anyHost ? others : [],
      expires_at: new Date(this.clock.time + this.sheetLife).toISOString(),
    };
  }

  /** The headers that the signature of a PUT covers. */
  #headers(): Record<string, string> {
    const { strategy, crc64nvme: declared } = this.upload as Held;
    const headers: Record<string, string> = {};
    if (strategy === "put" && !this.isOlder) headers["If-None-Match"] = "*";
    if (strategy === "put" && declared !== undefined) headers["x-amz-checksum-crc64nvme"] = declared;
    return headers;
  }

  #parts() {
    return [...this.stored].map(([number, part]) => ({ number, size: part.size, etag: "e" }));
  }

  async #complete(upload: Held, checksum: string | undefined, wait = 0): Promise<Response> {
    const numbers = Array.from({ length: this.#plan().part_count }, (_, index) => index + 1);
    const missingNow = () => numbers.filter((number) => !this.stored.has(number));
    for (let looks = 0; missingNow().length > 0 && looks < wait * 5; looks++)
      await new Promise((resolve) => setTimeout(resolve, 1));
    const missing = missingNow();
    if (missing.length > 0) return problem(409, "parts_missing", { missing });
    if (checksum !== (await crc64nvme(this.object))) return problem(422, "checksum_mismatch");
    upload.state = "uploaded";
    return json(200, { id: upload.id, filename: upload.filename, size: upload.size, state: "uploaded" });
  }

  readonly transport = async (request: PutRequest): Promise<PutAnswer> => {
    const url = new URL(request.url);
    const number = Number(url.searchParams.get("partNumber") ?? 1);
    const { body, headers, signal } = request;
    const put = { host: url.host, number, size: body.size, headers, type: body.type };
    this.puts.push(put);
    this.#count(put.host, 1);
    try {
      await Promise.race([this.gate(put), aborted(signal)]);
    } finally {
      this.#count(put.host, -1);
    }
    request.onProgress(body.size);
    const attempt = this.puts.filter((other) => other.number === number).length;
    const fault = this.fault(put, attempt) ?? this.#refusal(put, url);
    if (fault === "reset") throw new NetworkError("reset");
    if (typeof fault === "string") return s3Answer(fault);
    if (fault !== undefined) return answer(fault, "<Error><Code>Fault</Code><Message>Why</Message></Error>");
    const received = this.corrupt(put, attempt) ? new Blob(["?".repeat(body.size)]) : body;
    const declared = headers["x-amz-checksum-crc64nvme"];
    if (declared !== undefined && declared !== (await crc64nvme(received))) return s3Answer("BadDigest");
    this.stored.set(number, received);
    const created = this.#created[signed(url).upload];
    if (created) created.isStored = true;
    await Promise.race([this.answerGate(put), aborted(signal)]);
    const shown = { "x-amz-checksum-crc64nvme": await crc64nvme(received) };
    return answer(200, "", this.exposes ? shown : {});
  };

  /** What S3 itself has against a PUT. */
  #refusal({ host, number, headers }: Put, url: URL): S3Answer | undefined {
    const signature = signed(url);
    const created = this.#created[signature.upload];
    const canonical = (map: Record<string, string>) => JSON.stringify(Object.entries(map).sort());
    const isSigned = signature.number === number && signature.host === host;
    if (!created || !isSigned || canonical(headers) !== canonical(created.headers))
      return "SignatureDoesNotMatch";
    if (signature.credentials <= this.#expired) return "ExpiredToken";
    const { strategy, state } = this.upload ?? {};
    if (strategy === "multipart" && state !== "uploading") return "NoSuchUpload";
    if (headers["If-None-Match"] === "*" && created.isStored) return "PreconditionFailed";
    return undefined;
  }

  #count(host: string, change: number): void {
    const now = (this.inFlight.get(host) ?? 0) + change;
    this.inFlight.set(host, now);
    this.widest.set(host, Math.max(now, this.widest.get(host) ?? 0));
  }
}

/** How often the API was asked for something, such as "POST /uploads". */
export function count(cloud: Cloud, call: string): number {
  return cloud.calls.filter((each) => each === call).length;
}

/** The parts that were sent, each as often as it was. */
export function numbers(cloud: Cloud): number[] {
  return cloud.puts.map(({ number }) => number).sort((a, b) => a - b);
}

function answer(status: number, text: string, headers: Record<string, string> = {}): PutAnswer {
  const shown = new Headers(headers);
  return { status, text, header: (name) => shown.get(name) };
}

function s3Answer(name: S3Answer): PutAnswer {
  const [status, body] = S3_ANSWERS[name];
  return answer(status, body);
}

/** What the fake's signatures say: who signed, for which upload, which part, which host name. */
function signed(url: URL) {
  const signature = url.searchParams.get("X-Amz-Signature") ?? "";
  const [, credentials, upload, number, host] = /^s\d+c(\d+)u(\d+)n(\d+)@(.+)$/.exec(signature) ?? [];
  return { credentials: Number(credentials), upload: Number(upload), number: Number(number), host };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

const abortions = new WeakMap<AbortSignal, Promise<never>>();

/** One promise, so one listener, per signal. */
function aborted(signal: AbortSignal): Promise<never> {
  const known = abortions.get(signal);
  if (known) return known;
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

/** A file of so many bytes, no two stretches of it alike. */
export function fileOf(size: number, name = "a.bin", type = "") {
  const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 3)) % 251);
  return { name, type, data: new Blob([bytes], { type: "text/plain" }) };
}

// A typed client of the HTTP API: one method per route. A problem becomes an ApiError, no response a NetworkError. A call
// that fails transiently is retried, unless the caller has a retry layer of its own and uses `once()`.
// Must not know where the ID token comes from, nor what the responses are used for.
import type { Clock } from "../clock";
import { linkedAbort } from "../concurrency/linked-abort";
import { ApiError, isTransient, NetworkError, parseRetryAfter } from "../errors";
import { type RetryRule, retry } from "../retry/retry";
import type {
  BatchResult,
  CompleteResult,
  CreatedUpload,
  CreateRequest,
  Download,
  Limits,
  Mailing,
  PartList,
  PostSheet,
  Problem,
  Sheet,
  SheetRequest,
  Upload,
  UploadPage,
} from "./contract";

const RETRY: RetryRule = { tries: 5, base: 300, cap: 5_000 };
/** Milliseconds; API Gateway itself times out after 29 seconds. */
const TIMEOUT = 35_000;
/** Milliseconds, until the API has responded once: its address may be wrong. */
const FIRST_TIMEOUT = 10_000;

export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

export type ApiOptions = {
  url: string;
  fetch: Fetch;
  clock: Clock;
  /** Resolves with the person's Cognito ID token; with a new one when `renew` is true (the API refused the last). */
  idToken: (renew: boolean) => Promise<string>;
  retry?: RetryRule;
};

type Call = {
  method: string;
  path: string;
  body?: object;
  signal?: AbortSignal | undefined;
  /** Needs no ID token. */
  open?: boolean;
};

export class Api {
  readonly #options: ApiOptions;
  readonly #url: string;
  readonly #history: { wasReached: boolean };

  constructor(options: ApiOptions, history = { wasReached: false }) {
    this.#options = options;
    this.#url = options.url.replace(/\/+$/, "");
    this.#history = history;
  }

  /** Whether the API has responded since the page opened, to this client or one made by `once()`. */
  get wasReached(): boolean {
    return this.#history.wasReached;
  }

  /** Returns this client with a single attempt for each call, for callers with a retry layer of their own. */
  once(): Api {
    return new Api({ ...this.#options, retry: { ...RETRY, tries: 1 } }, this.#history);
  }

  limits(signal?: AbortSignal): Promise<Limits> {
    return this.#json({ method: "GET", path: "/limits", signal, open: true });
  }

  create(request: CreateRequest, signal?: AbortSignal): Promise<CreatedUpload> {
    return this.#json({ method: "POST", path: "/uploads", body: request, signal });
  }

  /** Creates up to 100 uploads. Each succeeds or fails by itself; the results are in the same order. */
  async createBatch(uploads: CreateRequest[], signal?: AbortSignal): Promise<BatchResult[]> {
    const call = { method: "POST", path: "/uploads/batch", body: { uploads }, signal };
    return (await this.#json<{ uploads: BatchResult[] }>(call)).uploads;
  }

  sheet(id: string, request: SheetRequest, signal?: AbortSignal): Promise<Sheet> {
    return this.#json({ method: "POST", path: `${uploadPath(id)}/sheet`, body: request, signal });
  }

  /** A new form, for an upload whose file is sent whole. */
  postSheet(id: string, request: Pick<SheetRequest, "refused">, signal?: AbortSignal): Promise<PostSheet> {
    const body = { ...request, strategy: "post" };
    return this.#json({ method: "POST", path: `${uploadPath(id)}/sheet`, body, signal });
  }

  listParts(id: string, signal?: AbortSignal): Promise<PartList> {
    return this.#json({ method: "GET", path: `${uploadPath(id)}/parts`, signal });
  }

  /** S3 may take minutes over it: until then the response may be 202 or 504. */
  complete(
    id: string,
    request: { crc64nvme?: string; wait?: number },
    signal?: AbortSignal,
  ): Promise<Upload> {
    return this.#json({ method: "POST", path: `${uploadPath(id)}/complete`, body: request, signal });
  }

  /** Completes up to 100 uploads; the results are in the order of the ids. */
  async completeMany(ids: readonly string[], signal?: AbortSignal): Promise<CompleteResult[]> {
    const call: Call = { method: "POST", path: "/uploads/complete", body: { ids }, signal };
    return (await this.#json<{ uploads: CompleteResult[] }>(call)).uploads;
  }

  /** Aborts an unfinished upload, deletes a finished one. */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    await this.#send({ method: "DELETE", path: uploadPath(id), signal });
  }

  list(query: { state?: string; cursor?: string } = {}, signal?: AbortSignal): Promise<UploadPage> {
    const text = new URLSearchParams(query).toString();
    return this.#json({ method: "GET", path: text ? `/uploads?${text}` : "/uploads", signal });
  }

  get(id: string, signal?: AbortSignal): Promise<Upload> {
    return this.#json({ method: "GET", path: uploadPath(id), signal });
  }

  download(id: string, signal?: AbortSignal): Promise<Download> {
    return this.#json({ method: "GET", path: `${uploadPath(id)}/download`, signal });
  }

  /** A WebSocket URL with a one-time ticket. */
  connect(signal?: AbortSignal): Promise<{ url: string }> {
    return this.#json({ method: "POST", path: "/connections", signal });
  }

  mailing(): Promise<Mailing> {
    return this.#json({ method: "GET", path: "/email" });
  }

  mail(): Promise<Mailing> {
    return this.#json({ method: "PUT", path: "/email" });
  }

  unmail(): Promise<Mailing> {
    return this.#json({ method: "DELETE", path: "/email" });
  }

  async #json<T>(call: Call): Promise<T> {
    const response = await this.#send(call);
    return (await response.json()) as T;
  }

  #send(call: Call): Promise<Response> {
    const { clock, retry: rule = RETRY } = this.#options;
    return retry(() => this.#attempt(call), {
      rule,
      clock,
      isRetryable: isTransient,
      signal: call.signal,
    });
  }

  async #attempt(call: Call): Promise<Response> {
    let response = await this.#fetch(call, false);
    if (response.status === 401 && !call.open) response = await this.#fetch(call, true);
    if (response.ok) return response;
    const wait = parseRetryAfter(response.headers.get("Retry-After"), this.#options.clock.now());
    throw new ApiError(response.status, await problemOf(response), wait);
  }

  async #fetch(call: Call, renew: boolean): Promise<Response> {
    const headers: Record<string, string> = {};
    if (!call.open) headers.Authorization = `Bearer ${await this.#options.idToken(renew)}`;
    if (call.body) headers["Content-Type"] = "application/json";
    const options: RequestInit = { method: call.method, headers };
    if (call.body) options.body = JSON.stringify(call.body);
    const { controller: silent, release } = linkedAbort(call.signal);
    options.signal = silent.signal;
    const timeout = this.wasReached ? TIMEOUT : FIRST_TIMEOUT;
    const cancel = this.#options.clock.alarm(timeout, () => silent.abort());
    try {
      const response = await this.#options.fetch(this.#url + call.path, options);
      this.#history.wasReached = true;
      return response;
    } catch (error) {
      call.signal?.throwIfAborted();
      throw new NetworkError(`${call.method} ${call.path}: no answer`, { cause: error, address: this.#url });
    } finally {
      cancel();
      release();
    }
  }
}

function uploadPath(id: string): string {
  return `/uploads/${encodeURIComponent(id)}`;
}

/** Reads the problem in a response. Understands API Gateway's own `{"message"}` and an empty body too. */
async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Problem & { message?: string; Message?: string };
    const detail = body.detail ?? body.message ?? body.Message;
    return detail === undefined ? body : { ...body, detail };
  } catch {
    return {};
  }
}

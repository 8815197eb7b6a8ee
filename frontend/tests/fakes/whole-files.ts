// Files that are sent whole, in the API and S3: created in batches, each with a sheet for one host name, and never
// completed. Part of the fake in cloud.ts.
import type { CreateRequest, PostSheet, Sheet, State } from "../../src/upload/api/contract";
import { crc64nvme } from "../../src/upload/checksums/crc64nvme";
import type { Cloud, Fault, Put } from "./cloud";
import { json, problem } from "./cloud";

type Strategy = "put" | "post";

export type WholeFile = CreateRequest & { id: string; host: string; state: State; object?: Blob };

/** A problem in place of an upload, for one member of a batch. */
export type MemberProblem = { status: number; code: string; retry_after?: number };

type Body = CreateRequest & { uploads?: CreateRequest[]; refused?: boolean };

export class WholeFiles {
  readonly all = new Map<string, WholeFile>();
  /** The number of members in each batch. */
  readonly batches: number[] = [];
  /** Whether S3, or a proxy in front of it, takes forms. */
  takesForms = true;
  /** Returns a problem for members that are not created. */
  problem: (member: CreateRequest, batch: number) => MemberProblem | undefined = () => undefined;
  readonly #cloud: Cloud;
  readonly #keys = new Map<string, WholeFile>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  get stored(): WholeFile[] {
    return [...this.all.values()].filter(({ object }) => object !== undefined);
  }

  has(id: string): boolean {
    return this.all.has(id);
  }

  /** Returns the API's response if the call is about files that are sent whole. */
  answer(call: string, body: Body | undefined): Response | undefined {
    if (call === "POST /uploads/batch") return this.#batch(body?.uploads ?? []);
    if (call === "POST /uploads" && body && body.size <= this.#cloud.putMaxSize)
      return json(201, this.#created(this.#keep(body, 0), "put"));
    const [, method, id = "", rest] = /^(\w+) \/uploads\/(f\d+)(\/.*)?$/.exec(call) ?? [];
    if (!method) return undefined;
    const file = this.all.get(id);
    if (!file) return problem(404, "upload_not_found");
    if (method === "DELETE") return this.#remove(file);
    if (rest === "/sheet" && file.state !== "uploading") return problem(409, "wrong_state");
    if (rest === "/sheet") return json(200, this.#newSheet(file, body));
    return json(200, uploadOf(file));
  }

  #batch(members: CreateRequest[]): Response {
    this.batches.push(members.length);
    return json(200, { uploads: members.map((member, index) => this.#member(member, index)) });
  }

  #member(member: CreateRequest, index: number): object {
    const fault = this.problem(member, this.batches.length);
    if (fault) return { problem: { ...fault, title: fault.code, detail: `Detail of ${fault.code}` } };
    if (member.size > this.#cloud.putMaxSize) return { upload: this.#cloud.create(member) };
    const earlier = this.#keys.get(member.idempotency_key ?? "");
    if (earlier && earlier.state !== "uploading")
      return { problem: { status: 409, code: "wrong_state", id: earlier.id, state: earlier.state } };
    const file = earlier ?? this.#keep(member, index);
    return { upload: this.#created(file, member.strategy ?? "post") };
  }

  #keep(member: CreateRequest, index: number): WholeFile {
    const { hosts } = this.#cloud;
    const host = hosts[index % hosts.length] ?? "";
    const file: WholeFile = { ...member, id: `f${this.all.size + 1}`, host, state: "uploading" };
    this.all.set(file.id, file);
    if (member.idempotency_key) this.#keys.set(member.idempotency_key, file);
    return file;
  }

  #remove(file: WholeFile): Response {
    file.state = "aborted";
    delete file.object;
    return new Response(null, { status: 204 });
  }

  #created(file: WholeFile, strategy: Strategy): object {
    const plan = { part_size: file.size, part_count: 1 };
    return {
      id: file.id,
      key: file.id,
      state: "uploading",
      strategy,
      ...plan,
      sheet: this.#sheet(file, strategy),
    };
  }

  #newSheet(file: WholeFile, body: Body | undefined): Sheet | PostSheet {
    this.#cloud.sheetRequests.push(body);
    if (body?.refused) this.#cloud.signer.credentials++;
    return this.#sheet(file, body?.strategy ?? "put");
  }

  #sheet({ id, host, size, crc64nvme: checksum = "" }: WholeFile, strategy: Strategy): Sheet | PostSheet {
    const { clock, sheetLife, signer } = this.#cloud;
    const until = clock.time + sheetLife;
    const expires_at = new Date(until).toISOString();
    const signature = `c${signer.credentials}e${until}${id}@${host}`;
    const fields = { key: id, size: String(size), "x-amz-checksum-crc64nvme": checksum, signature };
    if (strategy === "post") return { url: `https://${host}/bucket`, fields, expires_at };
    const headers = { "If-None-Match": "*", ...(checksum && { "x-amz-checksum-crc64nvme": checksum }) };
    const urls = [`https://${host}/bucket/${id}?X-Amz-Expires=900`];
    return { headers, urls, first: 1, signatures: [signature], other_signatures: [], expires_at };
  }

  /** How S3 itself refuses the request. */
  refusal({ key, host, headers }: Put, url: URL, fields?: Record<string, string>): Fault | undefined {
    if (fields && !this.takesForms) return 405;
    const signature = fields?.signature ?? url.searchParams.get("X-Amz-Signature") ?? "";
    const [, credentials, until, id, name] = /^c(\d+)e(\d+)(f\d+)@(.+)$/.exec(signature) ?? [];
    if (id !== key || name !== host) return "SignatureDoesNotMatch";
    if (Number(credentials) <= this.#cloud.signer.expired) return "ExpiredToken";
    if (this.#cloud.clock.time > Number(until)) return "ExpiredUrl";
    const isThere = this.all.get(key)?.object !== undefined;
    return headers["If-None-Match"] === "*" && isThere ? "PreconditionFailed" : undefined;
  }

  /** Resolves with false when the bytes do not match their checksum. */
  async store({ key }: Put, object: Blob): Promise<boolean> {
    const file = this.all.get(key) as WholeFile;
    if (file.crc64nvme !== (await crc64nvme(object))) return false;
    file.object = object;
    return true;
  }
}

function uploadOf({ id, filename, size, state }: WholeFile): object {
  return { id, key: id, filename, size, state, content_type: null, updated_at: "2030-01-01T00:00:00Z" };
}

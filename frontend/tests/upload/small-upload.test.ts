// Files that are sent whole: created in batches, sent as forms or by PUT, never completed.
import { expect, test, vi } from "vitest";
import type { Upload } from "../../src/upload/api/contract";
import { crc64nvme } from "../../src/upload/checksums/crc64nvme";
import { Cancelled, NetworkError, ReadError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, type Fault, fileOf, problem } from "../fakes/cloud";
import type { S3Answer } from "../fakes/s3-answers";

const BATCH = "POST /uploads/batch";
const MINUTE = 60_000;

/** Files with different bytes. */
function filesOf(count: number) {
  return Array.from({ length: count }, (_, index) => fileOf(index % 20, `${index}.bin`));
}

async function bytes(data: Blob | undefined): Promise<string> {
  return new TextDecoder("latin1").decode(await data?.arrayBuffer());
}

/** Expects that S3 holds each of these files once, with its bytes. */
async function expectStored(cloud: Cloud, files: { name: string; data: Blob }[]): Promise<void> {
  const objects = new Map(cloud.files.stored.map(({ filename, object }) => [filename, object]));
  expect(cloud.files.stored).toHaveLength(files.length);
  for (const { name, data } of files) expect(await bytes(objects.get(name))).toBe(await bytes(data));
}

function forms(cloud: Cloud): string[] {
  return cloud.puts.map(({ method }) => method);
}

/** The first responses of S3 are lost. */
function loseResponses(cloud: Cloud, count: number): void {
  let responses = 0;
  cloud.answerGate = async () => {
    if (++responses <= count) throw new NetworkError("lost");
  };
}

test.each([0, 1, 19, 20])("a file of %i bytes is one form whose checksum S3 verifies", async (size) => {
  const cloud = new Cloud();
  const file = fileOf(size, "a.txt", "text/plain");
  const upload = await cloud.engine().upload(file).run();
  expect(upload).toMatchObject({ id: "f1", state: "uploaded", filename: "a.txt", size });
  expect(cloud.calls).toEqual([BATCH]);
  expect(cloud.puts).toMatchObject([{ method: "POST", host: "one.test", size, type: "", headers: {} }]);
  const [stored] = cloud.files.all.values();
  expect(stored).toMatchObject({ content_type: "text/plain", crc64nvme: await crc64nvme(file.data) });
  await expectStored(cloud, [file]);
});

test("a thousand files take few calls, the first one soon, and use all host names", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  const files = filesOf(1000);
  const uploads = await Promise.all(files.map((file) => engine.upload(file).run()));
  expect(uploads.map(({ state }) => state)).toEqual(Array(1000).fill("uploaded"));
  expect(cloud.calls.length).toBeLessThanOrEqual(30);
  expect(cloud.files.batches[0]).toBeLessThanOrEqual(20);
  expect(Math.max(...cloud.files.batches)).toBe(100);
  expect(new Set(cloud.puts.map(({ host }) => host))).toEqual(new Set(["one.test", "two.test"]));
  for (const width of cloud.widest.values()) expect([5, 6]).toContain(width);
  await expectStored(cloud, files);
}, 60_000);

test("no more files are hashed ahead than the lookahead allows", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const engine = cloud.engine({ lookahead: { files: 30, bytes: 1_000 } });
  for (const file of filesOf(100)) void engine.upload(file).run();
  await vi.waitFor(() => expect(cloud.puts.length).toBeGreaterThan(0));
  for (let turn = 0; turn < 20; turn++) await settled();
  expect(cloud.hashed).toBe(30);
});

test("the lookahead limits bytes too; a larger file is sent alone", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine({ lookahead: { files: 100, bytes: 15 } });
  await Promise.all([20, 20, 5, 5, 20].map((size) => engine.upload(fileOf(size)).run()));
  expect(cloud.files.stored).toHaveLength(5);
});

test("files that wait for the lookahead do not block large ones, nor the reverse", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine({ lookahead: { files: 2, bytes: 1_000 }, filesAtOnce: 1 });
  cloud.gate = ({ key }) => (key === "k" ? Promise.resolve() : new Promise(() => undefined));
  for (const file of filesOf(20)) void engine.upload(file).run();
  expect((await engine.upload(fileOf(60)).run()).state).toBe("uploaded");
  cloud.gate = ({ key }) => (key === "k" ? new Promise(() => undefined) : Promise.resolve());
  void engine.upload(fileOf(60)).run();
  const others = cloud.engine();
  await Promise.all(filesOf(20).map((file) => others.upload(file).run()));
});

test("a file that takes long to hash does not block files that are ready", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  const slow = fileOf(5, "slow.bin");
  slow.data.slice = () => Object.assign(new Blob(["?"]), { stream: () => new ReadableStream() });
  void engine.upload(slow).run();
  const ready = engine.upload(fileOf(5)).run();
  await vi.waitFor(() => expect(cloud.hashed).toBe(2));
  await settled();
  expect(cloud.calls).toEqual([]);
  cloud.clock.ring();
  expect((await ready).state).toBe("uploaded");
});

// -- the members of a batch ----------------------------------------------------------------------------------------

test("the problem of a member fails only that file", async () => {
  const cloud = new Cloud();
  cloud.files.problem = ({ filename }) =>
    filename === "7.bin" ? { status: 413, code: "too_large" } : undefined;
  const engine = cloud.engine();
  const ends = await Promise.allSettled(filesOf(50).map((file) => engine.upload(file).run()));
  expect(ends.map(({ status }) => status).indexOf("rejected")).toBe(7);
  expect(cloud.files.stored).toHaveLength(49);
  expect(ends[7]).toMatchObject({ reason: { code: "too_large", status: 413 } });
});

test("a refused batch fails all its files with that reason, after one call", async () => {
  const cloud = new Cloud();
  cloud.apiFault = () => problem(403, "forbidden");
  const engine = cloud.engine();
  const ends = await Promise.allSettled(filesOf(5).map((file) => engine.upload(file).run()));
  for (const end of ends) expect(end).toMatchObject({ reason: { code: "forbidden" } });
  expect(cloud.calls).toEqual([BATCH]);
});

test("a batch whose response was lost is created once", async () => {
  const cloud = new Cloud();
  const { fetch } = cloud;
  let calls = 0;
  Object.assign(cloud, {
    fetch: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request);
      if (calls++ === 0) throw new NetworkError("lost");
      return response;
    },
  });
  const engine = cloud.engine();
  const files = filesOf(9);
  await Promise.all(files.map((file) => engine.upload(file).run()));
  expect(count(cloud, BATCH)).toBe(2);
  expect(cloud.files.all.size).toBe(9);
  await expectStored(cloud, files);
});

test.each(["no answer", "500", "503 for each member"])(
  "an hour of %s costs few calls",
  async (kind) => {
    const cloud = new Cloud();
    const engine = cloud.engine();
    const [first, ...files] = filesOf(41);
    await engine.upload(first as ReturnType<typeof fileOf>).run();
    const end = cloud.clock.time + 60 * MINUTE;
    const isOver = () => cloud.clock.time >= end;
    cloud.files.problem = () =>
      kind.startsWith("503") && !isOver() ? { status: 503, code: "try_again" } : undefined;
    cloud.apiFault = () => {
      if (isOver() || kind.startsWith("503")) return undefined;
      if (kind === "500") return problem(500, "internal");
      throw new NetworkError("no answer");
    };
    await Promise.all(files.map((file) => engine.upload(file).run()));
    expect(cloud.files.stored).toHaveLength(41);
    expect(cloud.calls.length).toBeLessThanOrEqual(150);
  },
  30_000,
);

test("only the member that meets an outage is retried, after its `retry_after`", async () => {
  const cloud = new Cloud();
  let failures = 2;
  cloud.files.problem = ({ filename }) =>
    filename === "3.bin" && failures-- > 0 ? { status: 503, code: "try_again", retry_after: 2 } : undefined;
  const engine = cloud.engine();
  await Promise.all(filesOf(9).map((file) => engine.upload(file).run()));
  expect(cloud.files.batches.reduce((sum, size) => sum + size)).toBe(11);
  expect(cloud.clock.waits.filter((wait) => wait === 2_000)).toHaveLength(2);
});

test("a file that an earlier page sent is not sent again", async () => {
  const cloud = new Cloud();
  const file = { ...fileOf(5), key: "from-the-journal" };
  await cloud.engine().upload(file).run();
  const [stored] = cloud.files.all.values();
  if (stored) stored.state = "accepted";
  const completed = vi.fn();
  const upload = await cloud.engine({}, { completed }).upload(file).run();
  expect(upload).toMatchObject({ id: "f1", state: "accepted" });
  expect(completed).toHaveBeenCalledOnce();
  expect(cloud.puts).toHaveLength(1);
});

test.each(["aborted", "gone"])("the key of an upload that is %s is replaced by a new one", async (kind) => {
  const cloud = new Cloud();
  const file = { ...fileOf(5), key: "from-the-journal" };
  cloud.gate = () => new Promise(() => undefined);
  void cloud.engine().upload(file).run();
  await vi.waitFor(() => expect(cloud.files.all.size).toBe(1));
  cloud.reload();
  cloud.gate = () => Promise.resolve();
  const [stored] = cloud.files.all.values();
  if (stored) stored.state = "aborted";
  if (kind === "gone") cloud.files.all.delete("f1");
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("uploaded");
  expect(cloud.files.stored).toHaveLength(1);
});

test("with a lower limit of the API, this file and later ones are sent in parts", async () => {
  const cloud = new Cloud();
  const strategies: string[] = [];
  const created = ({ strategy }: { strategy: string }) => void strategies.push(strategy);
  const engine = cloud.engine({ putMaxSize: 1_000 }, { created });
  expect((await engine.upload(fileOf(60)).run()).state).toBe("uploaded");
  expect(cloud.stored.size).toBe(6);
  await engine.upload(fileOf(60)).run();
  expect(strategies).toEqual(["multipart", "multipart"]);
  expect(count(cloud, BATCH)).toBe(1);
});

test("with a higher limit of the API, the file is sent whole, and its first upload is aborted", async () => {
  const cloud = new Cloud();
  cloud.putMaxSize = 100;
  const file = fileOf(60);
  const engine = cloud.engine({ putMaxSize: 20 });
  await engine.upload(file).run();
  await expectStored(cloud, [file]);
  expect([...cloud.files.all.values()].map(({ state }) => state)).toEqual(["aborted", "uploading"]);
});

// -- too many uploads ------------------------------------------------------------------------------------------------

test("while the owner has too many uploads, files wait until others are processed", async () => {
  const cloud = new Cloud();
  const roomOf = new Map<number, number>();
  cloud.files.problem = (_, batch) => {
    const room = roomOf.get(batch) ?? 20;
    roomOf.set(batch, room - 1);
    return room > 0 ? undefined : { status: 429, code: "too_many_uploads", retry_after: 10 };
  };
  const engine = cloud.engine();
  const files = filesOf(150);
  await Promise.all(files.map((file) => engine.upload(file).run()));
  await expectStored(cloud, files);
  expect(engine.waiting).toEqual([]);
  expect(cloud.calls.length).toBeLessThanOrEqual(20);
});

test("a file fails soon, with that reason, when no upload of this page makes room", async () => {
  const cloud = new Cloud();
  cloud.files.problem = () => ({ status: 429, code: "too_many_uploads" });
  await expect(cloud.engine().upload(fileOf(5)).run()).rejects.toMatchObject({ code: "too_many_uploads" });
  expect(cloud.calls).toHaveLength(3);
});

test("files wait for room for a quarter of an hour at most", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  await engine.upload(fileOf(5)).run();
  const began = cloud.clock.time;
  cloud.files.problem = () => ({ status: 429, code: "too_many_uploads", retry_after: 10 });
  await expect(engine.upload(fileOf(5)).run()).rejects.toMatchObject({ code: "too_many_uploads" });
  expect(cloud.clock.time - began).toBeGreaterThanOrEqual(15 * MINUTE);
  expect(cloud.clock.time - began).toBeLessThan(20 * MINUTE);
});

// -- error responses of S3 -----------------------------------------------------------------------------------------

const ONCE: Fault[] = [
  ...(["RequestTimeout", "InternalError", "SlowDown", "ServiceUnavailable", "IncompleteBody"] as const),
  ...(["BadDigest", "OperationAborted", "ConditionalRequestConflict", "reset"] as const),
];

test.each(ONCE)("a file that meets %s once is sent again, with the same sheet", async (fault) => {
  const cloud = new Cloud();
  cloud.fault = (_, attempt) => (attempt === 1 ? fault : undefined);
  const file = fileOf(15);
  await cloud.engine().upload(file).run();
  expect(cloud.puts).toHaveLength(2);
  expect(cloud.calls).toEqual([BATCH]);
  await expectStored(cloud, [file]);
});

test("an hour without a response of S3 costs few forms", async () => {
  const cloud = new Cloud();
  const end = cloud.clock.time + 60 * MINUTE;
  cloud.fault = () => (cloud.clock.time < end ? "reset" : undefined);
  const engine = cloud.engine();
  const files = filesOf(100);
  await Promise.all(files.map((file) => engine.upload(file).run()));
  await expectStored(cloud, files);
  expect(cloud.puts.length).toBeLessThanOrEqual(100 + 150);
});

test.each<S3Answer>(["ExpiredToken", "InvalidToken", "ExpiredUrl"])(
  "after %s, a new form is requested, with `refused`",
  async (answer) => {
    const cloud = new Cloud();
    cloud.fault = (_, attempt) => (attempt === 1 ? answer : undefined);
    await cloud.engine().upload(fileOf(15)).run();
    expect(cloud.sheetRequests).toEqual([{ refused: true, strategy: "post" }]);
    expect(forms(cloud)).toEqual(["POST", "POST"]);
  },
);

test("credentials that have expired are replaced by new ones", async () => {
  const cloud = new Cloud();
  cloud.expireCredentials();
  const file = fileOf(15);
  await cloud.engine().upload(file).run();
  await expectStored(cloud, [file]);
});

test("a sheet that expires while the file waits is replaced before it is used", async () => {
  const cloud = new Cloud();
  cloud.hosts = ["one.test"];
  cloud.gate = async () => {
    cloud.clock.time += cloud.sheetLife / 2;
  };
  const engine = cloud.engine({ connectionsPerHost: 1, connectionsAtFirst: 1 });
  const files = filesOf(4);
  await Promise.all(files.map((file) => engine.upload(file).run()));
  await expectStored(cloud, files);
  expect(cloud.puts).toHaveLength(4);
  expect(cloud.sheetRequests.length).toBeGreaterThan(0);
});

test("a file that S3 receives damaged twice fails, and a retry hashes and creates it again", async () => {
  const cloud = new Cloud();
  let times = 2;
  cloud.fault = () => (times-- > 0 ? "BadDigest" : undefined);
  const file = fileOf(15);
  const upload = cloud.engine().upload(file);
  await expect(upload.run()).rejects.toMatchObject({ code: "BadDigest", status: 400 });
  expect(cloud.puts).toHaveLength(2);
  await upload.run();
  expect(cloud.hashed).toBe(2);
  expect(count(cloud, BATCH)).toBe(2);
  await expectStored(cloud, [file]);
});

test("after several attempts without a response another sheet is requested", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  await engine.upload(fileOf(5)).run();
  cloud.fault = () => (cloud.sheetRequests.length === 0 ? "reset" : undefined);
  expect((await engine.upload(fileOf(5)).run()).state).toBe("uploaded");
  expect(cloud.sheetRequests).toEqual([{ strategy: "post" }]);
});

test("an upload that somebody deleted meanwhile starts again", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ key }, attempt) => {
    if (key !== "f1" || attempt > 1) return undefined;
    cloud.files.all.delete("f1");
    return "ExpiredUrl";
  };
  const file = fileOf(15);
  await cloud.engine().upload(file).run();
  expect(count(cloud, BATCH)).toBe(2);
  await expectStored(cloud, [file]);
});

// -- refused forms -------------------------------------------------------------------------------------------------

const put = { "If-None-Match": "*" };

test("a file is sent by PUT after the second refused form", async () => {
  const cloud = new Cloud();
  cloud.files.takesForms = false;
  const file = fileOf(15);
  await cloud.engine().upload(file).run();
  expect(forms(cloud)).toEqual(["POST", "POST", "PUT"]);
  const checksum = await crc64nvme(file.data);
  expect(cloud.puts[2]?.headers).toEqual({ ...put, "x-amz-checksum-crc64nvme": checksum });
  expect(cloud.puts[2]?.type).toBe("");
  await expectStored(cloud, [file]);
});

test("after two such files, later ones are sent by PUT at once", async () => {
  const cloud = new Cloud();
  cloud.files.takesForms = false;
  const engine = cloud.engine();
  for (const file of filesOf(4)) await engine.upload(file).run();
  expect(forms(cloud)).toEqual(["POST", "POST", "PUT", "POST", "POST", "PUT", "PUT", "PUT"]);
  expect(cloud.sheetRequests).toHaveLength(2);
});

test.each<Fault>([403, 404, 405, 411, 501, "reset"])(
  "forms that meet %s are replaced by PUTs",
  async (fault) => {
    const cloud = new Cloud();
    cloud.fault = ({ method }) => (method === "POST" ? fault : undefined);
    const engine = cloud.engine();
    const files = filesOf(30);
    await Promise.all(files.map((file) => engine.upload(file).run()));
    await expectStored(cloud, files);
  },
);

test("a PUT whose response was lost is not sent twice, because the object exists", async () => {
  const cloud = new Cloud();
  cloud.files.takesForms = false;
  loseResponses(cloud, 1);
  const progress: number[] = [];
  const file = fileOf(20);
  await cloud
    .engine()
    .upload(file, (sent) => void progress.push(sent))
    .run();
  expect(forms(cloud)).toEqual(["POST", "POST", "PUT", "PUT"]);
  expect(progress.at(-1)).toBe(20);
  await expectStored(cloud, [file]);
});

test("a form whose response was lost is sent again, and changes nothing", async () => {
  const cloud = new Cloud();
  loseResponses(cloud, 1);
  const file = fileOf(20);
  await cloud.engine().upload(file).run();
  expect(forms(cloud)).toEqual(["POST", "POST"]);
  await expectStored(cloud, [file]);
});

test("an outage of S3 when the page opens does not end the use of forms", async () => {
  const cloud = new Cloud();
  const end = cloud.clock.time + MINUTE;
  cloud.fault = () => (cloud.clock.time < end ? "reset" : undefined);
  const engine = cloud.engine();
  await engine.upload(fileOf(5)).run();
  cloud.puts.length = 0;
  await Promise.all(filesOf(5).map((file) => engine.upload(file).run()));
  expect(new Set(forms(cloud))).toEqual(new Set(["POST"]));
});

// -- pause, cancel, unread files -------------------------------------------------------------------------------------

test("a request in flight is finished in a pause", async () => {
  const cloud = new Cloud();
  let arrive = () => {};
  cloud.gate = () => new Promise((resolve) => (arrive = resolve));
  const upload = cloud.engine().upload(fileOf(5));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.puts).toHaveLength(1));
  upload.pause();
  arrive();
  expect((await run).state).toBe("uploaded");
  expect(cloud.puts).toHaveLength(1);
});

test("a request that does not finish in time in a pause is aborted, and sent again later", async () => {
  const cloud = new Cloud();
  cloud.gate = () => (cloud.puts.length === 1 ? new Promise(() => undefined) : Promise.resolve());
  const upload = cloud.engine().upload(fileOf(5));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.puts).toHaveLength(1));
  upload.pause();
  cloud.clock.ring();
  await vi.waitFor(() => expect([...cloud.inFlight.values()]).toEqual([0]));
  await settled();
  expect(cloud.puts).toHaveLength(1);
  upload.resume();
  await run;
  expect(cloud.puts).toHaveLength(2);
  expect(count(cloud, BATCH)).toBe(1);
});

test("a request that fails in a pause is not retried before the resume", async () => {
  const cloud = new Cloud();
  let fail = () => {};
  cloud.gate = () => new Promise((_, reject) => (fail = () => reject(new NetworkError("reset"))));
  const upload = cloud.engine().upload(fileOf(5));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.puts).toHaveLength(1));
  upload.pause();
  fail();
  for (let turn = 0; turn < 5; turn++) await settled();
  expect(cloud.puts).toHaveLength(1);
  cloud.gate = () => Promise.resolve();
  upload.resume();
  expect((await run).state).toBe("uploaded");
});

test("paused files do not block the others, wherever they wait", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine({ lookahead: { files: 2, bytes: 1_000 } });
  const paused = filesOf(10).map((file) => engine.upload(file));
  const runs = paused.map((upload) => upload.run());
  for (const upload of paused) upload.pause();
  await engine.upload(fileOf(5, "other.bin")).run();
  expect(cloud.puts).toHaveLength(1);
  for (const upload of paused) upload.resume();
  const ends = await Promise.all(runs);
  expect(ends.map(({ state }) => state)).toEqual(Array<Upload["state"]>(10).fill("uploaded"));
});

test("a file that is cancelled before its create leaves nothing", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  const uploads = filesOf(3).map((file) => engine.upload(file));
  const runs = uploads.map((upload) => upload.run());
  const ends = Promise.allSettled(runs);
  await uploads[1]?.cancel();
  expect((await ends).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect([...cloud.files.all.values()].map(({ filename }) => filename)).toEqual(["0.bin", "2.bin"]);
});

test("a file that is cancelled while it is created is removed", async () => {
  const cloud = new Cloud();
  const removed = vi.fn();
  const upload = cloud.engine({}, { removed }).upload(fileOf(5));
  let cancelled: Promise<void> | undefined;
  cloud.apiFault = () => {
    cancelled ??= upload.cancel();
    return undefined;
  };
  await expect(upload.run()).rejects.toBeInstanceOf(Cancelled);
  await cancelled;
  expect(cloud.calls).toEqual([BATCH, "DELETE /uploads/f1"]);
  expect(removed).toHaveBeenCalledExactlyOnceWith("f1");
  expect(cloud.puts).toEqual([]);
});

test("a file that is cancelled in an outage of the API is not created afterwards", async () => {
  const cloud = new Cloud();
  let isOut = true;
  cloud.apiFault = () => (isOut ? problem(503, "try_again") : undefined);
  const engine = cloud.engine();
  const [kept, given] = filesOf(2).map((file) => engine.upload(file));
  const run = kept?.run();
  const other = given?.run().catch((error: unknown) => error);
  await vi.waitFor(() => expect(cloud.calls.length).toBeGreaterThan(3));
  await given?.cancel();
  expect(await other).toBeInstanceOf(Cancelled);
  isOut = false;
  await run;
  expect(cloud.files.all.size).toBe(1);
});

test("a file that is cancelled while it is sent is removed", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const upload = cloud.engine().upload(fileOf(5));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.puts).toHaveLength(1));
  await Promise.all([upload.cancel(), expect(run).rejects.toBeInstanceOf(Cancelled)]);
  expect(count(cloud, "DELETE /uploads/f1")).toBe(1);
});

test("cancelling a finished file deletes nothing", async () => {
  const cloud = new Cloud();
  const upload = cloud.engine().upload(fileOf(5));
  await upload.run();
  await upload.cancel();
  expect(cloud.calls).toEqual([BATCH]);
});

test("a file that cannot be read any more fails and is removed; a single failed read is retried", async () => {
  const cloud = new Cloud();
  const file = fileOf(5);
  let failures = 1;
  const slice = Blob.prototype.slice;
  vi.spyOn(Blob.prototype, "slice").mockImplementation(function (this: Blob, ...range) {
    const piece = slice.apply(this, range);
    if (range[1] === 1 && failures-- > 0) piece.arrayBuffer = () => Promise.reject(new Error("NotReadable"));
    return piece;
  });
  cloud.fault = (_, attempt) => (attempt === 1 ? "reset" : undefined);
  expect((await cloud.engine().upload(file).run()).state).toBe("uploaded");
  failures = 2;
  await expect(cloud.engine().upload(file).run()).rejects.toBeInstanceOf(ReadError);
  expect([...cloud.files.all.values()].map(({ state }) => state)).toEqual(["uploading", "aborted"]);
  vi.restoreAllMocks();
});

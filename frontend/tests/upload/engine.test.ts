import { expect, test, vi } from "vitest";
import { ApiError, Cancelled, PartError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, json, numbers, problem } from "../fakes/cloud";

/** A gate that keeps a part in flight until all others that can start have started. */
async function lastInFlight(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await settled();
}

async function sameBytes(a: Blob, b: Blob): Promise<boolean> {
  const [first, second] = [new Uint8Array(await a.arrayBuffer()), new Uint8Array(await b.arrayBuffer())];
  return first.length === second.length && first.every((byte, index) => byte === second[index]);
}

test.each([21, 29, 30, 31, 95, 1003])("a file of %i bytes arrives whole, in parts", async (size) => {
  const cloud = new Cloud();
  const file = fileOf(size);
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("uploaded");
  expect(cloud.puts).toHaveLength(Math.ceil(size / 10));
  expect(await sameBytes(cloud.object, file.data)).toBe(true);
});

test("parts carry no header and no type, whatever the file's", async () => {
  const cloud = new Cloud();
  await cloud
    .engine()
    .upload(fileOf(45, "a.txt", "text/plain"))
    .run();
  expect(new Set(cloud.puts.map(({ headers, type }) => JSON.stringify([headers, type])))).toEqual(
    new Set(['[{},""]']),
  );
  expect(cloud.upload?.content_type).toBe("text/plain");
});

test("the checksum of a large file is sent with complete", async () => {
  const bodies: unknown[] = [];
  const cloud = new Cloud();
  cloud.apiFault = (call, body) =>
    void bodies.push([call, Boolean((body as { crc64nvme?: string })?.crc64nvme)]);
  await cloud.engine().upload(fileOf(21)).run();
  expect(bodies).toEqual([
    ["POST /uploads", false],
    ["POST /uploads/u1/complete", true],
  ]);
});

test("to each host name, as many parts are in flight as the pool has connections", async () => {
  const cloud = new Cloud();
  cloud.gate = lastInFlight;
  await cloud.engine({ connectionsPerHost: 3 }).upload(fileOf(400)).run();
  expect(Object.fromEntries(cloud.widest)).toEqual({ "one.test": 3, "two.test": 3 });
});

test("a few parts start, the others as soon as bytes leave", async () => {
  const cloud = new Cloud();
  const started: number[] = [];
  let go = () => {};
  const first = new Promise<void>((resolve) => (go = resolve));
  cloud.gate = ({ number }) => {
    started.push(number);
    return number === 1 ? first : new Promise(() => undefined);
  };
  void cloud.engine({ connectionsAtFirst: 1, connectionsPerHost: 2 }).upload(fileOf(100)).run();
  await vi.waitFor(() => expect(started).toEqual([1, 2]));
  await lastInFlight();
  expect(started).toEqual([1, 2]);
  go();
  await vi.waitFor(() => expect(started).toEqual([1, 2, 3, 4, 5]));
});

test("all files share the pool", async () => {
  const cloud = new Cloud();
  cloud.hosts = ["one.test"];
  cloud.gate = lastInFlight;
  cloud.apiFault = (call) => (call.endsWith("/complete") ? json(200, { state: "uploaded" }) : undefined);
  const engine = cloud.engine({ connectionsPerHost: 4 });
  await Promise.all([1, 2, 3].map(() => engine.upload(fileOf(200)).run()));
  expect(cloud.widest.get("one.test")).toBe(4);
});

test("no more files are sent in parts at once than the setting allows", async () => {
  const cloud = new Cloud();
  let now = 0;
  let most = 0;
  const created = () => {
    most = Math.max(most, ++now);
  };
  const engine = cloud.engine({ filesAtOnce: 2 }, { created, completed: () => void now-- });
  cloud.apiFault = (call) => (call.endsWith("/complete") ? json(200, { state: "uploaded" }) : undefined);
  await Promise.all(Array.from({ length: 9 }, () => engine.upload(fileOf(30)).run()));
  expect(most).toBe(2);
  expect(count(cloud, "POST /uploads")).toBe(9);
});

test("a file of 10,000 parts arrives whole, each part sent once, over several sheets", async () => {
  const cloud = new Cloud();
  cloud.partSize = 1;
  cloud.sheetSize = 1_000;
  const file = fileOf(10_000);
  await cloud.engine().upload(file).run();
  expect(numbers(cloud)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  expect(await sameBytes(cloud.object, file.data)).toBe(true);
}, 60_000);

test.each([408, 429, 500, 503, "reset" as const])(
  "only the part that meets %s is sent again",
  async (fault) => {
    const cloud = new Cloud();
    cloud.fault = ({ number }, attempt) => (number === 3 && attempt < 3 ? fault : undefined);
    await cloud.engine().upload(fileOf(60)).run();
    expect(numbers(cloud)).toEqual([1, 2, 3, 3, 3, 4, 5, 6]);
  },
);

test("an unreachable host name costs each of its parts one try, and never the file", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ host }) => (host === "two.test" ? "reset" : undefined);
  const file = fileOf(400);
  await cloud.engine().upload(file).run();
  expect(await sameBytes(cloud.object, file.data)).toBe(true);
  expect(cloud.puts.filter(({ host }) => host === "one.test")).toHaveLength(40);
});

test("parts that are signed for one host name go there at every attempt", async () => {
  const cloud = new Cloud();
  cloud.anyHost = false;
  cloud.gate = lastInFlight;
  cloud.fault = (_, attempt) => (attempt === 1 ? "IncompleteBody" : undefined);
  const file = fileOf(400);
  await cloud.engine({ connectionsPerHost: 3 }).upload(file).run();
  expect(await sameBytes(cloud.object, file.data)).toBe(true);
  const own = (number: number) => (number % 2 === 1 ? "one.test" : "two.test");
  expect(cloud.puts.filter(({ host, number }) => host !== own(number))).toEqual([]);
  expect(Object.fromEntries(cloud.widest)).toEqual({ "one.test": 3, "two.test": 3 });
});

test("one host name continues while the other hangs", async () => {
  const cloud = new Cloud();
  cloud.gate = ({ host }) => (host === "one.test" ? lastInFlight() : new Promise(() => undefined));
  void cloud.engine({ connectionsPerHost: 2 }).upload(fileOf(200)).run();
  await vi.waitFor(() => expect(cloud.stored.size).toBe(18));
});

test("a part fails after its tries, with S3's reason, and the others stop", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }) => (number === 1 ? 500 : undefined);
  const run = cloud
    .engine({ partRetry: { tries: 3, base: 1, cap: 1 } })
    .upload(fileOf(60))
    .run();
  await expect(run).rejects.toMatchObject({ name: "PartError", status: 500, code: "Fault" });
  expect(cloud.puts.filter(({ number }) => number === 1)).toHaveLength(3);
});

test("a final refusal is not retried", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }) => (number === 2 ? 400 : undefined);
  await expect(cloud.engine().upload(fileOf(30)).run()).rejects.toBeInstanceOf(PartError);
  expect(cloud.puts.filter(({ number }) => number === 2)).toHaveLength(1);
});

test("many parts refused with 403 cause one request for a new sheet", async () => {
  const cloud = new Cloud();
  cloud.fault = () => (cloud.calls.includes("POST /uploads/u1/sheet") ? undefined : 403);
  await cloud.engine().upload(fileOf(120)).run();
  expect(count(cloud, "POST /uploads/u1/sheet")).toBe(1);
  expect(cloud.stored.size).toBe(12);
});

test("parts that are not on the sheet get another that covers them", async () => {
  const cloud = new Cloud();
  cloud.sheetSize = 4;
  cloud.hosts = ["one.test"];
  await cloud.engine({ connectionsPerHost: 1 }).upload(fileOf(120)).run();
  expect(count(cloud, "POST /uploads/u1/sheet")).toBe(2);
});

test("only parts that turn out to be missing are sent again", async () => {
  const cloud = new Cloud();
  let isLost = false;
  cloud.apiFault = (call) => {
    if (call.endsWith("/complete") && !isLost) {
      isLost = true;
      for (const number of [2, 5]) cloud.stored.delete(number);
    }
    return undefined;
  };
  await cloud.engine().upload(fileOf(60)).run();
  expect(numbers(cloud)).toEqual([1, 2, 2, 3, 4, 5, 5, 6]);
  // When the last byte had left, when all parts had arrived, and when the missing parts had.
  expect(count(cloud, "POST /uploads/u1/complete")).toBe(3);
});

test("a checksum mismatch fails, and a retry creates another upload", async () => {
  const cloud = new Cloud();
  cloud.apiFault = (call) => (call.endsWith("/complete") ? problem(422, "checksum_mismatch") : undefined);
  const upload = cloud.engine().upload(fileOf(30));
  await expect(upload.run()).rejects.toMatchObject({ code: "checksum_mismatch" });
  cloud.apiFault = () => undefined;
  await upload.run();
  expect(count(cloud, "POST /uploads")).toBe(2);
});

test("a refused create reports its reason and leaves nothing behind", async () => {
  const cloud = new Cloud();
  cloud.apiFault = () => problem(413, "too_large");
  const upload = cloud.engine().upload(fileOf(30));
  await expect(upload.run()).rejects.toBeInstanceOf(ApiError);
  await upload.cancel();
  expect(cloud.calls).toEqual(["POST /uploads"]);
});

test("cancel stops the parts and aborts the upload in S3", async () => {
  const cloud = new Cloud();
  cloud.gate = ({ number }) => (number === 1 ? Promise.resolve() : new Promise(() => undefined));
  const removed = vi.fn(() => expect(cloud.upload).toBeUndefined());
  const upload = cloud.engine({}, { removed }).upload(fileOf(60));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.stored.size).toBe(1));
  await Promise.all([upload.cancel(), expect(run).rejects.toBeInstanceOf(Cancelled)]);
  expect(count(cloud, "DELETE /uploads/u1")).toBe(1);
  expect(removed).toHaveBeenCalledExactlyOnceWith("u1");
});

test("cancel while the upload is being created still aborts it", async () => {
  const cloud = new Cloud();
  const upload = cloud.engine().upload(fileOf(60));
  let cancelled: Promise<void> | undefined;
  cloud.apiFault = () => {
    cancelled ??= upload.cancel();
    return undefined;
  };
  await expect(upload.run()).rejects.toBeInstanceOf(Cancelled);
  await cancelled;
  expect(cloud.calls).toEqual(["POST /uploads", "DELETE /uploads/u1"]);
  expect(cloud.puts).toEqual([]);
});

test("cancelling a finished upload deletes nothing", async () => {
  const cloud = new Cloud();
  const upload = cloud.engine().upload(fileOf(5));
  await upload.run();
  await upload.cancel();
  expect(count(cloud, "DELETE /uploads/u1")).toBe(0);
});

test("pause stops sending, resume lists the parts and sends the missing ones", async () => {
  const cloud = new Cloud();
  let open = false;
  cloud.gate = ({ number }) => (open || number <= 2 ? Promise.resolve() : new Promise(() => undefined));
  const file = fileOf(60);
  const upload = cloud.engine().upload(file);
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.stored.size).toBe(2));
  upload.pause();
  await vi.waitFor(() => expect([...cloud.inFlight.values()]).toEqual([0, 0]));
  open = true;
  upload.resume();
  await run;
  expect(count(cloud, "GET /uploads/u1/parts")).toBe(1);
  expect(numbers(cloud).filter((number) => number <= 2)).toEqual([1, 2]);
  expect(await sameBytes(cloud.object, file.data)).toBe(true);
});

test("a paused file does not block the others", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine({ filesAtOnce: 1 });
  const paused = engine.upload(fileOf(60));
  paused.pause();
  const waiting = paused.run();
  await engine.upload(fileOf(5)).run();
  paused.resume();
  await waiting;
});

test("a retry continues where the upload failed", async () => {
  const cloud = new Cloud();
  let broken = true;
  cloud.fault = ({ number }) => (broken && number === 6 ? 400 : undefined);
  cloud.gate = ({ number }) => new Promise((resolve) => setTimeout(resolve, number === 6 ? 30 : 1));
  const upload = cloud.engine().upload(fileOf(60));
  await expect(upload.run()).rejects.toBeInstanceOf(PartError);
  broken = false;
  await upload.run();
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, "POST /uploads")).toBe(1);
});

test("a retry after complete failed sends no part again", async () => {
  const cloud = new Cloud();
  cloud.apiFault = (call) => (call.endsWith("/complete") ? problem(403, "forbidden") : undefined);
  const upload = cloud.engine().upload(fileOf(60));
  await expect(upload.run()).rejects.toBeInstanceOf(ApiError);
  cloud.apiFault = () => undefined;
  await upload.run();
  expect(cloud.puts).toHaveLength(6);
});

test("progress ends at the file's size and falls when a part fails", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }, attempt) => (number === 2 && attempt === 1 ? 500 : undefined);
  const progress: number[] = [];
  await cloud
    .engine()
    .upload(fileOf(25), (sent) => progress.push(sent))
    .run();
  expect(progress.at(-1)).toBe(25);
  expect(Math.max(...progress)).toBeLessThanOrEqual(25);
  expect(progress.some((sent, index) => sent < (progress[index - 1] ?? 0))).toBe(true);
});

const origins = ["https://one.test", "https://two.test"];

test("connections are opened while the first upload is created, not for later ones", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine({ connectionsPerHost: 3 });
  engine.adjust({ origins });
  await engine.upload(fileOf(40)).run();
  await engine.upload(fileOf(40)).run();
  expect(cloud.connected).toEqual(origins.map((origin) => ({ origin, count: 3, calls: 0 })));
});

test("a file that is sent whole needs one connection", async () => {
  const cloud = new Cloud();
  await cloud.engine({ origins }).upload(fileOf(20)).run();
  expect(cloud.connected).toEqual([{ origin: "https://one.test", count: 1, calls: 0 }]);
});

test("the listener receives create and complete", async () => {
  const cloud = new Cloud();
  const events: string[] = [];
  const listener = { created: () => events.push("created"), completed: () => events.push("completed") };
  await cloud.engine({}, listener).upload(fileOf(30)).run();
  expect(events).toEqual(["created", "completed"]);
});

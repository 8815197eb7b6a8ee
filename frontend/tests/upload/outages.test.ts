// Failures on the way: outages, stalls, lost responses and damaged parts; and the requests that are sent meanwhile.
import { expect, test } from "vitest";
import { NetworkError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, json, problem } from "../fakes/cloud";

const loseResponse = (): Response => {
  throw new NetworkError("lost");
};

test.each([503, 502, 504, "reset" as const])(
  "an upload survives an outage of 60 s with %s, in which a single caller probes",
  async (fault) => {
    const cloud = new Cloud();
    let puts = 0;
    const end = cloud.clock.time + 60_000;
    cloud.fault = () => {
      if (cloud.clock.time >= end) return undefined;
      puts++;
      return fault;
    };
    const file = fileOf(400);
    await cloud.engine().upload(file).run();
    expect(cloud.stored.size).toBe(40);
    // Twelve were in flight when the outage started; then one at a time, every few seconds at most.
    expect(puts).toBeLessThan(12 + 30);
  },
);

test("an upload fails with the reason of an outage that outlasts the patience", async () => {
  const cloud = new Cloud();
  cloud.fault = () => "reset";
  const outage = { failures: 3, probes: { base: 500, cap: 5000 }, patience: 60_000, firstTimeout: 10_000 };
  const start = cloud.clock.time;
  await expect(cloud.engine({ outage }).upload(fileOf(60)).run()).rejects.toBeInstanceOf(NetworkError);
  expect(cloud.clock.time - start).toBeGreaterThanOrEqual(60_000);
});

test("a part that keeps failing while others succeed fails the upload", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }) => (number === 2 ? 500 : undefined);
  await expect(cloud.engine().upload(fileOf(2_000)).run()).rejects.toMatchObject({ status: 500 });
  expect(cloud.puts.filter(({ number }) => number === 2)).toHaveLength(6);
});

test.each(["POST /uploads", "POST /uploads/u1/sheet", "POST /uploads/u1/complete"])(
  "%s survives an outage of the API of 60 s",
  async (call) => {
    const cloud = new Cloud();
    cloud.sheetSize = 3;
    let end: number | undefined;
    cloud.apiFault = (each) => {
      if (each !== call) return undefined;
      end ??= cloud.clock.time + 60_000;
      return cloud.clock.time < end ? problem(503, "try_again") : undefined;
    };
    await cloud.engine().upload(fileOf(60)).run();
    expect(cloud.stored.size).toBe(6);
  },
);

test("a create whose response is lost is repeated with the same key", async () => {
  const cloud = new Cloud();
  const keys: unknown[] = [];
  cloud.apiFault = (call, body) => {
    if (call !== "POST /uploads") return undefined;
    keys.push((body as { idempotency_key: string }).idempotency_key);
    return keys.length < 3 ? loseResponse() : undefined;
  };
  await cloud.engine().upload(fileOf(30)).run();
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
});

test("two files have two keys", async () => {
  const cloud = new Cloud();
  const keys = new Set<unknown>();
  cloud.apiFault = (call, body) => {
    if (call === "POST /uploads") keys.add((body as { idempotency_key: string }).idempotency_key);
    return undefined;
  };
  await cloud.engine().upload(fileOf(30)).run();
  await cloud.engine().upload(fileOf(30)).run();
  expect(keys.size).toBe(2);
});

test("Retry-After is honoured", async () => {
  const cloud = new Cloud();
  let calls = 0;
  cloud.apiFault = (call) => {
    if (call !== "POST /uploads" || ++calls > 1) return undefined;
    const busy = problem(429, "too_many_uploads");
    busy.headers.set("Retry-After", "17");
    return busy;
  };
  await cloud.engine().upload(fileOf(30)).run();
  expect(cloud.clock.waits).toContain(17_000);
});

test("S3's Retry-After is honoured, before and in an outage", async () => {
  const cloud = new Cloud();
  cloud.retryAfter = "17";
  const times: number[] = [];
  cloud.fault = ({ number }) => (number === 1 && times.push(cloud.clock.time) < 6 ? "SlowDown" : undefined);
  await cloud.engine().upload(fileOf(30)).run();
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(17_000);
});

test.each([202, 504])(
  "after a complete with response %i the upload is polled, and complete not repeated",
  async (status) => {
    const cloud = new Cloud();
    let polls = 0;
    cloud.apiFault = (call) => {
      if (call.endsWith("/complete") && status === 202) return json(202, { id: "u1", state: "uploading" });
      if (call.endsWith("/complete")) return new Response("", { status: 504 });
      if (call !== "GET /uploads/u1") return undefined;
      return json(200, { id: "u1", state: ++polls < 20 ? "uploading" : "processing" });
    };
    const upload = await cloud.engine().upload(fileOf(30)).run();
    expect(upload.state).toBe("processing");
    expect(count(cloud, "POST /uploads/u1/complete")).toBe(1);
    expect(cloud.puts).toHaveLength(3);
  },
);

test("complete is called again when S3 assembles for too long", async () => {
  const cloud = new Cloud();
  let calls = 0;
  cloud.apiFault = (call) => {
    if (call.endsWith("/complete") && ++calls === 1) return json(202, { id: "u1", state: "uploading" });
    return call === "GET /uploads/u1" ? json(200, { id: "u1", state: "uploading" }) : undefined;
  };
  const start = cloud.clock.time;
  await cloud.engine().upload(fileOf(30)).run();
  expect(calls).toBe(2);
  expect(cloud.clock.time - start).toBeGreaterThanOrEqual(600_000);
});

test("after a lost response to complete the upload is read before complete is repeated", async () => {
  const cloud = new Cloud();
  cloud.apiFault = (call) => {
    if (call.endsWith("/complete")) return loseResponse();
    return call === "GET /uploads/u1" ? json(200, { id: "u1", state: "accepted" }) : undefined;
  };
  const upload = await cloud.engine().upload(fileOf(30)).run();
  expect(upload.state).toBe("accepted");
  expect(count(cloud, "POST /uploads/u1/complete")).toBe(1);
});

test("an upload that was deleted during complete fails with that reason", async () => {
  const cloud = new Cloud();
  cloud.apiFault = (call) =>
    call.endsWith("/complete") ? json(202, { state: "uploading" }) : stateResponse(call, "aborted");
  await expect(cloud.engine().upload(fileOf(30)).run()).rejects.toMatchObject({ code: "wrong_state" });
});

function stateResponse(call: string, state: string): Response | undefined {
  return call === "GET /uploads/u1" ? json(200, { id: "u1", state }) : undefined;
}

test.each([404, 410])("an upload that is gone from S3 (%i) starts again automatically", async (status) => {
  const cloud = new Cloud();
  const removed: string[] = [];
  let isGone = true;
  cloud.fault = ({ number }) => {
    if (number !== 3 || !isGone) return undefined;
    isGone = false;
    cloud.stored.clear();
    return status;
  };
  const restarted: string[] = [];
  const listener = {
    removed: (id: string) => void removed.push(id),
    restarted: ({ name }: { name: string }) => void restarted.push(name),
  };
  await cloud.engine({}, listener).upload(fileOf(60)).run();
  expect(count(cloud, "POST /uploads")).toBe(2);
  expect(cloud.stored.size).toBe(6);
  expect([removed, restarted]).toEqual([["u1"], ["a.bin"]]);
});

test("an upload that is gone every time fails, and each start is reported", async () => {
  const cloud = new Cloud();
  cloud.fault = () => "NoSuchUpload";
  let restarted = 0;
  const engine = cloud.engine({}, { restarted: () => void restarted++ });
  await expect(engine.upload(fileOf(60)).run()).rejects.toMatchObject({ code: "NoSuchUpload" });
  expect(count(cloud, "POST /uploads")).toBe(3);
  expect(restarted).toBe(2);
});

test("an upload succeeds when the browser wrongly reports no network", async () => {
  const cloud = new Cloud();
  cloud.offline();
  await cloud.engine().upload(fileOf(60)).run();
  expect(cloud.stored.size).toBe(6);
});

test("a stalled part is sent again", async () => {
  const cloud = new Cloud();
  let stuck = 0;
  cloud.gate = ({ number }) =>
    number === 2 && stuck++ === 0 ? new Promise(() => undefined) : Promise.resolve();
  const run = cloud.engine({ stallTimeout: 30_000 }).upload(fileOf(60)).run();
  await settled();
  cloud.clock.ring();
  await run;
  expect(cloud.puts.filter(({ number }) => number === 2)).toHaveLength(2);
  expect(cloud.puts).toHaveLength(7);
});

test("only the part that S3 received damaged is sent again", async () => {
  const cloud = new Cloud();
  cloud.corrupt = ({ number }, attempt) => number === 4 && attempt < 3;
  const file = fileOf(95);
  await cloud.engine().upload(file).run();
  expect(cloud.puts.filter(({ number }) => number === 4)).toHaveLength(3);
  expect(cloud.puts).toHaveLength(12);
  expect(new Uint8Array(await cloud.object.arrayBuffer())).toEqual(
    new Uint8Array(await file.data.arrayBuffer()),
  );
});

test("a part that is damaged every time fails the upload, with that reason", async () => {
  const cloud = new Cloud();
  cloud.corrupt = ({ number }) => number === 4;
  await expect(cloud.engine().upload(fileOf(95)).run()).rejects.toMatchObject({ name: "Corrupted" });
  expect(cloud.puts.filter(({ number }) => number === 4)).toHaveLength(6);
});

test("damage that the browser cannot see is refused by S3 at the end", async () => {
  const cloud = new Cloud();
  cloud.exposes = false;
  cloud.corrupt = ({ number }) => number === 4;
  await expect(cloud.engine().upload(fileOf(95)).run()).rejects.toMatchObject({ code: "checksum_mismatch" });
  expect(cloud.upload?.state).not.toBe("uploaded");
});

test("every part is hashed once", async () => {
  const cloud = new Cloud();
  cloud.fault = (_, attempt) => (attempt < 3 ? 500 : undefined);
  await cloud.engine().upload(fileOf(95)).run();
  // The parts, and once the file's two ends together, for its fingerprint.
  expect(cloud.hashed).toBe(10 + 1);
});

test("a file that changes while it is sent fails with that reason, and is aborted in S3", async () => {
  const cloud = new Cloud();
  const file = fileOf(95);
  let changed = false;
  cloud.fault = ({ number }) => {
    changed ||= number === 3;
    return changed ? "reset" : undefined;
  };
  const data = file.data;
  const slice = data.slice.bind(data);
  data.slice = (...range: [number?, number?, string?]) => {
    const part = slice(...range);
    if (changed) part.slice = () => unreadable();
    return part;
  };
  const removed: string[] = [];
  const engine = cloud.engine({}, { removed: (id) => void removed.push(id) });
  await expect(engine.upload(file).run()).rejects.toMatchObject({ name: "ReadError" });
  expect(removed).toEqual(["u1"]);
  expect(cloud.calls.at(-1)).toBe("DELETE /uploads/u1");
});

test("a part is sent again after a single failed read of a file that is there", async () => {
  const cloud = new Cloud();
  const file = fileOf(95);
  let failed = 0;
  cloud.fault = ({ number }, attempt) => (number === 3 && attempt === 1 ? "reset" : undefined);
  const slice = file.data.slice.bind(file.data);
  file.data.slice = (...range: [number?, number?, string?]) => {
    const part = slice(...range);
    const again = part.slice.bind(part);
    part.slice = (...inner) => (range[0] === 20 && failed++ === 0 ? unreadable() : again(...inner));
    return part;
  };
  await cloud.engine().upload(file).run();
  expect(failed).toBe(2);
  expect(cloud.puts).toHaveLength(11);
});

function unreadable(): Blob {
  const blob = new Blob(["x"]);
  blob.arrayBuffer = () => Promise.reject(new DOMException("It changed", "NotReadableError"));
  return blob;
}

// One retry layer: counts the requests to the API and S3 during an outage, in virtual time. Three failed attempts open the
// circuit breaker; from then on a single caller probes, at most every half minute.
import { expect, test } from "vitest";
import { NetworkError } from "../../src/upload/errors";
import { defaultSettings } from "../../src/upload/settings";
import { settled } from "../fakes/clock";
import { Cloud, fileOf, problem } from "../fakes/cloud";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Milliseconds that a test of hours in virtual time may take: each probe costs a turn of the event loop. */
const SLOW = 60_000;
/** Three attempts, then probes after 0.5, 1, 2, 4, 8, 16, 30, 30 … seconds: the clock's chance gives the longest waits. */
const most = (outage: number) => 3 + 6 + Math.ceil(outage / 30_000);

type Outage = { name: string; answer: () => Response };

const OUTAGES: Outage[] = [
  {
    name: "no answer",
    answer: () => {
      throw new NetworkError("no answer");
    },
  },
  { name: "429", answer: () => problem(429, "too_many_requests") },
  { name: "500", answer: () => new Response('{"message":"Internal server error"}', { status: 500 }) },
  { name: "503", answer: () => problem(503, "try_again") },
  { name: "504", answer: () => new Response("", { status: 504 }) },
];

/** The API fails from the first `call` on. Returns a function that counts all its calls during the outage. */
function breakDown(cloud: Cloud, call: string, outage: number, { answer }: Outage): () => number {
  let end: number | undefined;
  let calls = 0;
  cloud.apiFault = (each) => {
    if (each === call) end ??= cloud.clock.time + outage;
    if (end === undefined || cloud.clock.time >= end) return undefined;
    calls++;
    return answer();
  };
  return () => calls;
}

const CALLS = ["POST /uploads", "POST /uploads/u1/sheet", "POST /uploads/u1/complete"];

/** An API that has responded to the page before, and whose sheets are so small that an upload needs several. */
function cloudOfSmallSheets(): Cloud {
  const cloud = new Cloud();
  cloud.sheetSize = 3;
  cloud.wasReached = true;
  return cloud;
}

test.each(CALLS.flatMap((call) => OUTAGES.map((outage) => ({ call, outage }))))(
  "$call causes few API calls during a minute of $outage.name",
  async ({ call, outage }) => {
    const cloud = cloudOfSmallSheets();
    const calls = breakDown(cloud, call, MINUTE, outage);
    const upload = await cloud.engine().upload(fileOf(60)).run();
    expect(upload.state).toBe("uploaded");
    expect(calls()).toBeGreaterThan(0);
    expect(calls()).toBeLessThanOrEqual(most(MINUTE));
  },
);

test.each(OUTAGES)("listing the parts causes few API calls during a minute of $name", async (outage) => {
  const cloud = new Cloud();
  cloud.gate = ({ number }) => (number < 3 ? Promise.resolve() : new Promise(() => undefined));
  const upload = cloud.engine().upload(fileOf(60));
  const run = upload.run();
  while (cloud.stored.size < 2) await settled();
  const calls = breakDown(cloud, "GET /uploads/u1/parts", MINUTE, outage);
  upload.pause();
  await settled();
  cloud.gate = () => Promise.resolve();
  upload.resume();
  expect((await run).state).toBe("uploaded");
  expect(calls()).toBeGreaterThan(0);
  expect(calls()).toBeLessThanOrEqual(most(MINUTE));
});

test.each(OUTAGES)("resuming a file causes few API calls during a minute of $name", async (outage) => {
  const cloud = new Cloud();
  cloud.gate = ({ number }) => (number < 3 ? Promise.resolve() : new Promise(() => undefined));
  void cloud.engine().upload(fileOf(60)).run();
  while (cloud.journal.parts.get("u1")?.size !== 2) await settled();
  cloud.reload();
  cloud.wasReached = true;
  cloud.gate = () => Promise.resolve();
  const calls = breakDown(cloud, "GET /uploads/u1", MINUTE, outage);
  await cloud.engine().upload(fileOf(60)).run();
  expect(calls()).toBeGreaterThan(0);
  expect(calls()).toBeLessThanOrEqual(most(MINUTE));
});

test.each(OUTAGES)(
  "an upload that is cancelled during a minute of $name is aborted afterwards",
  async (outage) => {
    const cloud = new Cloud();
    cloud.gate = () => new Promise(() => undefined);
    const upload = cloud.engine().upload(fileOf(60));
    const run = upload.run().catch(() => undefined);
    while (cloud.puts.length === 0) await settled();
    const calls = breakDown(cloud, "DELETE /uploads/u1", MINUTE, outage);
    await upload.cancel();
    await run;
    expect(cloud.upload).toBeUndefined();
    expect(calls()).toBeLessThanOrEqual(most(MINUTE));
  },
);

test("an upload counts as aborted when only the response to the abort was lost", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const upload = cloud.engine().upload(fileOf(60));
  const run = upload.run().catch(() => undefined);
  while (cloud.puts.length === 0) await settled();
  let lost = 0;
  cloud.apiFault = (call) => {
    if (!call.startsWith("DELETE") || lost++ > 0) return undefined;
    cloud.upload = undefined;
    throw new NetworkError("lost");
  };
  await upload.cancel();
  await run;
  expect(lost).toBe(2);
});

test.each(CALLS)(
  "%s survives eight hours without a response",
  async (call) => {
    const cloud = cloudOfSmallSheets();
    const calls = breakDown(cloud, call, 8 * HOUR, OUTAGES[0] as Outage);
    const began = cloud.clock.time;
    const upload = await cloud.engine().upload(fileOf(60)).run();
    expect(upload.state).toBe("uploaded");
    expect(cloud.clock.time - began).toBeGreaterThanOrEqual(8 * HOUR);
    expect(calls()).toBeLessThanOrEqual(most(8 * HOUR));
  },
  SLOW,
);

test(
  "an upload waits for an hour in which complete alone fails, and calls it seldom",
  async () => {
    const cloud = new Cloud();
    const end = cloud.clock.time + HOUR;
    let calls = 0;
    cloud.apiFault = (call) => {
      if (!call.endsWith("/complete") || cloud.clock.time >= end) return undefined;
      calls++;
      return problem(429, "too_many_requests");
    };
    const upload = await cloud.engine().upload(fileOf(60)).run();
    expect(upload.state).toBe("uploaded");
    expect(calls).toBeLessThanOrEqual(most(HOUR));
  },
  SLOW,
);

test(
  "an upload fails when complete alone fails for longer than the patience",
  async () => {
    const cloud = new Cloud();
    cloud.apiFault = (call) => (call.endsWith("/complete") ? problem(500, "internal") : undefined);
    const outage = { ...defaultSettings.outage, patience: HOUR };
    await expect(cloud.engine({ outage }).upload(fileOf(60)).run()).rejects.toMatchObject({ status: 500 });
  },
  SLOW,
);

test.each([MINUTE, 8 * HOUR])(
  "in %i ms without a response of S3 only the parts in flight and probes are sent",
  async (outage) => {
    const cloud = new Cloud();
    const end = cloud.clock.time + outage;
    let puts = 0;
    cloud.fault = () => {
      if (cloud.clock.time >= end) return undefined;
      puts++;
      return "reset";
    };
    await cloud.engine().upload(fileOf(400)).run();
    expect(cloud.stored.size).toBe(40);
    expect(puts).toBeLessThanOrEqual(12 + most(outage));
  },
  SLOW,
);

test(
  "an outage of the API is not an outage of S3: no part is sent without a sheet, and no part loses a try",
  async () => {
    const cloud = new Cloud();
    cloud.expireCredentials();
    breakDown(cloud, "POST /uploads/u1/sheet", HOUR, OUTAGES[0] as Outage);
    await cloud.engine().upload(fileOf(120)).run();
    expect(cloud.puts.length).toBeLessThanOrEqual(12 + 12);
  },
  SLOW,
);

test("an upload fails with the reason of a refused sheet, after a single request for it", async () => {
  const cloud = new Cloud();
  cloud.sheetSize = 3;
  cloud.apiFault = (call) => (call.endsWith("/sheet") ? problem(403, "forbidden") : undefined);
  await expect(cloud.engine().upload(fileOf(60)).run()).rejects.toMatchObject({ code: "forbidden" });
  expect(cloud.calls.filter((call) => call.endsWith("/sheet"))).toHaveLength(1);
});

test.each(["17", "Tue, 01 Jan 2030 00:00:42 GMT"])("Retry-After: %s is honoured", async (header) => {
  const cloud = new Cloud();
  const times: number[] = [];
  cloud.apiFault = (call) => {
    if (call !== "POST /uploads" || times.push(cloud.clock.time) > 4) return undefined;
    const busy = problem(429, "too_many_requests");
    if (times.length % 3 === 1) busy.headers.set("Retry-After", header); // the first, and one in the outage
    return busy;
  };
  await cloud.engine().upload(fileOf(30)).run();
  const [first = 0, second = 0, , fourth = 0, fifth = 0] = times;
  expect(second).toBe(header === "17" ? first + 17_000 : Date.parse(header));
  expect(fifth).toBeGreaterThanOrEqual(header === "17" ? fourth + 17_000 : Date.parse(header));
});

test("a Retry-After of years, from a wrong clock, is limited", async () => {
  const cloud = new Cloud();
  let calls = 0;
  const began = cloud.clock.time;
  cloud.apiFault = (call) => {
    if (call !== "POST /uploads" || ++calls > 1) return undefined;
    const busy = problem(503, "try_again");
    busy.headers.set("Retry-After", "Tue, 01 Jan 2036 00:00:00 GMT");
    return busy;
  };
  await cloud.engine().upload(fileOf(30)).run();
  expect(cloud.clock.time - began).toBeLessThanOrEqual(10 * MINUTE);
});

test("too many uploads of the owner are not an outage: the file fails soon, with that reason", async () => {
  const cloud = new Cloud();
  let other = 0;
  cloud.apiFault = (call, body) => {
    if (call !== "POST /uploads") return undefined;
    if ((body as { filename: string }).filename === "other.bin") return void other++;
    return problem(429, "too_many_uploads");
  };
  const engine = cloud.engine();
  await expect(engine.upload(fileOf(30)).run()).rejects.toMatchObject({ code: "too_many_uploads" });
  expect(cloud.calls).toHaveLength(3);
  expect(engine.waiting).toEqual([]);
  await engine.upload(fileOf(30, "other.bin")).run();
  expect(other).toBe(1);
});

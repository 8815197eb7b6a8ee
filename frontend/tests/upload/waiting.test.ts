// The outages that the engine reports while uploads wait: the service, the start, and whether it has ever answered.
import { expect, test, vi } from "vitest";
import type { Waiting } from "../../src/upload/engine";
import { ApiError, NetworkError, PartError } from "../../src/upload/errors";
import { CircuitBreaker } from "../../src/upload/retry/circuit-breaker";
import { HandClock, settled } from "../fakes/clock";
import { Cloud, fileOf, problem } from "../fakes/cloud";

const loseResponse = (): Response => {
  throw new NetworkError("lost");
};

/** Records the reports of an engine to its watchers. */
function watch(cloud: Cloud, wasReached = true) {
  cloud.wasReached = wasReached;
  const engine = cloud.engine();
  const reports: Waiting[][] = [];
  const stop = engine.watch((waiting) => reports.push(waiting));
  return { engine, reports, stop };
}

test("an API that never answers is reported within seconds, before any call fails", async () => {
  const cloud = new Cloud();
  cloud.apiFault = loseResponse;
  const { engine, reports } = watch(cloud, false);
  const start = cloud.clock.time;
  const upload = engine.upload(fileOf(60));
  const run = upload.run().catch(() => undefined);
  await vi.waitUntil(() => reports.length > 0, { interval: 1 });
  expect(reports[0]).toMatchObject([{ service: "api", neverAnswered: true }]);
  expect(reports[0]?.[0]?.error).toBeInstanceOf(NetworkError);
  expect((reports[0]?.[0]?.since ?? 0) - start).toBeLessThanOrEqual(2_000);
  expect(engine.waiting).toHaveLength(1);
  await upload.cancel();
  await run;
});

test("a later outage is reported, and its end too", async () => {
  const cloud = new Cloud();
  let end: number | undefined;
  cloud.apiFault = (call) => {
    if (!call.endsWith("/complete")) return undefined;
    end ??= cloud.clock.time + 60_000;
    return cloud.clock.time < end ? problem(503, "try_again") : undefined;
  };
  const { engine, reports } = watch(cloud);
  await engine.upload(fileOf(60)).run();
  expect(reports.map((waiting) => waiting.map(({ service }) => service))).toEqual([["api"], []]);
});

test("outages of S3 and the API at the same time are reported apart", async () => {
  const cloud = new Cloud();
  cloud.sheetSize = 3;
  const end = cloud.clock.time + 120_000;
  const isOver = () => cloud.clock.time >= end;
  cloud.fault = () => (isOver() ? undefined : "SlowDown");
  cloud.apiFault = (call) => (isOver() || call === "POST /uploads" ? undefined : loseResponse());
  const { engine, reports } = watch(cloud);
  await engine.upload(fileOf(120)).run();
  expect(reports.some((waiting) => waiting.some(({ service }) => service === "s3"))).toBe(true);
  expect(reports.at(-1)).toEqual([]);
});

test("a watcher that stops receives no more reports", async () => {
  const cloud = new Cloud();
  const { engine, reports, stop } = watch(cloud);
  stop();
  const end = cloud.clock.time + 60_000;
  cloud.apiFault = () => (cloud.clock.time < end ? loseResponse() : undefined);
  await engine.upload(fileOf(60)).run();
  expect(reports).toEqual([]);
});

test("an upload can be cancelled at once in an outage", async () => {
  const cloud = new Cloud();
  cloud.apiFault = loseResponse;
  const { engine } = watch(cloud);
  const upload = engine.upload(fileOf(60));
  const run = upload.run();
  await vi.waitUntil(() => engine.waiting.length > 0, { interval: 1 });
  await Promise.all([upload.cancel(), expect(run).rejects.toMatchObject({ name: "Cancelled" })]);
});

test("uploads stop waiting after 10 s for an API that has never answered, and name its address", async () => {
  const cloud = new Cloud();
  cloud.apiFault = loseResponse;
  const { engine, reports } = watch(cloud, false);
  const start = cloud.clock.time;
  const runs = [1, 2, 3].map((each) => engine.upload(fileOf(60, `${each}.bin`)).run());
  const ends = await Promise.allSettled(runs);
  expect(ends.map((end) => end.status === "rejected" && end.reason)).toEqual(
    Array(3).fill(expect.objectContaining({ name: "NeverAnswered", address: "https://api.test" })),
  );
  expect(cloud.clock.time - start).toBeLessThanOrEqual(10_000);
  expect(reports.at(-1)).toEqual([]);
});

test("after that each retry is one attempt, until the first response", async () => {
  const cloud = new Cloud();
  cloud.apiFault = loseResponse;
  const { engine } = watch(cloud, false);
  const upload = engine.upload(fileOf(60));
  await expect(upload.run()).rejects.toMatchObject({ name: "NeverAnswered" });
  cloud.calls.length = 0;
  await expect(upload.run()).rejects.toMatchObject({ name: "NeverAnswered" });
  expect(cloud.calls).toEqual(["POST /uploads"]);
  const end = cloud.clock.time + 60_000;
  cloud.apiFault = (call) =>
    call.endsWith("/complete") && cloud.clock.time < end ? loseResponse() : undefined;
  expect((await upload.run()).state).toBe("uploaded");
});

test("uploads stop waiting after 10 s for an S3 that no PUT has reached, and name its address", async () => {
  const cloud = new Cloud();
  const address = "https://one.test";
  cloud.gate = () => Promise.reject(new NetworkError("PUT: no answer", { address }));
  const { engine } = watch(cloud);
  const start = cloud.clock.time;
  await expect(engine.upload(fileOf(60)).run()).rejects.toMatchObject({ name: "NeverAnswered", address });
  expect(cloud.clock.time - start).toBeLessThanOrEqual(10_000);
});

test.each(["api", "s3"])(
  "time offline does not count as time in which %s never answered",
  async (service) => {
    const cloud = new Cloud();
    cloud.offline();
    const back = cloud.clock.time + 60_000;
    const error = new NetworkError("no answer", { address: "https://one.test" });
    const isOut = () => {
      if (cloud.clock.time >= back) cloud.online();
      return cloud.clock.time < back;
    };
    if (service === "s3") cloud.gate = () => (isOut() ? Promise.reject(error) : Promise.resolve());
    else cloud.apiFault = () => (isOut() ? loseResponse() : undefined);
    const { engine } = watch(cloud, false);
    expect((await engine.upload(fileOf(60)).run()).state).toBe("uploaded");
    expect(engine.waiting).toEqual([]);
  },
);

test("after an hour of sleep, a service that has never answered still has its full time", async () => {
  const cloud = new Cloud();
  const wait = cloud.clock.wait.bind(cloud.clock);
  let slept = false;
  cloud.clock.wait = async (milliseconds, signal) => {
    await wait(milliseconds, signal);
    if (engine.waiting.length && !slept) {
      slept = true;
      cloud.clock.time += 3_600_000;
    }
  };
  let tries = 0;
  cloud.gate = () =>
    ++tries > 9 ? Promise.resolve() : Promise.reject(new NetworkError("no", { address: "https://one.test" }));
  const { engine } = watch(cloud);
  expect((await engine.upload(fileOf(60)).run()).state).toBe("uploaded");
  expect(slept).toBe(true);
});

test("uploads wait for an S3 that takes bytes, though it has never answered", async () => {
  const cloud = new Cloud();
  const end = cloud.clock.time + 60_000;
  cloud.fault = () => (cloud.clock.time < end ? "reset" : undefined);
  const { engine } = watch(cloud);
  expect((await engine.upload(fileOf(60)).run()).state).toBe("uploaded");
});

// -- the circuit breaker ------------------------------------------------------------------------------------------

const rule = { failures: 3, probes: { base: 1_000, cap: 4_000 }, patience: 10_000, firstTimeout: 60_000 };
const signal = new AbortController().signal;
const online = { isOnline: () => true, back: () => new Promise<void>(() => undefined) };

async function fail(breaker: CircuitBreaker, clock: HandClock, error: Error): Promise<void> {
  const use = breaker.use(signal, () => Promise.reject(error)).catch(() => undefined);
  await settled();
  await clock.advance(4_000);
  await use;
}

test("waiting for probes uses up the patience", async () => {
  const clock = new HandClock();
  const breaker = new CircuitBreaker({ rule, clock, connectivity: online });
  for (let failure = 0; failure < 3; failure++) await fail(breaker, clock, new NetworkError("lost"));
  expect([breaker.isOpen, breaker.isExhausted]).toEqual([true, false]);
  for (let probe = 0; probe < 4; probe++) await fail(breaker, clock, new NetworkError("lost"));
  expect([breaker.isOpen, breaker.isExhausted]).toEqual([false, true]); // 1 + 2 + 4 + 4 seconds
});

test("a night asleep uses up no patience", async () => {
  const clock = new HandClock();
  const breaker = new CircuitBreaker({ rule, clock, connectivity: online });
  for (let failure = 0; failure < 3; failure++) await fail(breaker, clock, new NetworkError("lost"));
  clock.time += 60 * 3_600_000;
  await fail(breaker, clock, new NetworkError("the Wi-Fi is not back yet"));
  expect(breaker.isOpen).toBe(true);
});

test.each([
  ["S3", new PartError(1, 403, "AccessDenied", "")],
  ["the API", new ApiError(409, { code: "wrong_state" })],
])("a refusal by %s is a response that ends the outage", async (_, refusal) => {
  const clock = new HandClock();
  const breaker = new CircuitBreaker({ rule, clock, connectivity: online });
  for (let failure = 0; failure < 3; failure++) await fail(breaker, clock, new NetworkError("lost"));
  expect(breaker.isOpen).toBe(true);
  await fail(breaker, clock, refusal);
  expect(breaker.outage).toBeUndefined();
});

test("time offline uses up no patience, and a probe runs at once when the network is back", async () => {
  const clock = new HandClock();
  let isOnline = false;
  let reportBack = () => {};
  const back = () => new Promise<void>((resolve) => (reportBack = resolve));
  const breaker = new CircuitBreaker({ rule, clock, connectivity: { isOnline: () => isOnline, back } });
  for (let failure = 0; failure < 9; failure++) await fail(breaker, clock, new NetworkError("lost"));
  expect(breaker.isOpen).toBe(true);
  const tried: string[] = [];
  const use = breaker.use(signal, async () => tried.push("tried"));
  await settled();
  expect(tried).toEqual([]);
  isOnline = true;
  reportBack();
  await use;
  expect(breaker.outage).toBeUndefined();
});

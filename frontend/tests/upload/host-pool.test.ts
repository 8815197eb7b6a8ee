import { expect, test } from "vitest";
import { HostPool } from "../../src/upload/concurrency/host-pool";
import type { Load, Transfer } from "../../src/upload/concurrency/transfer";
import { ConnectionBroken, NetworkError, PartError } from "../../src/upload/errors";
import { HandClock, settled } from "../fakes/clock";

const never = new AbortController().signal;
const HOSTS = ["one", "two"];

/** A pool, its transfers that have started, and functions that advance and end them. */
function pool(first = 6, most = 6, minBytesForRate = 0) {
  const clock = new HandClock();
  const hosts = new HostPool({ first, most, clock, minBytesForRate });
  const started: { name: string; transfer: Transfer; end: (error?: unknown) => void }[] = [];
  let turn = 0;
  const add = (name: string, load: Partial<Load> = {}, signal = never) => {
    const work = (transfer: Transfer) =>
      new Promise<void>((resolve, reject) => {
        transfer.signal.throwIfAborted();
        transfer.signal.addEventListener("abort", () => reject(transfer.signal.reason));
        started.push({ name, transfer, end: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    const host = HOSTS[turn++ % 2] as string;
    return hosts.use(host, { kind: "part", size: 100, ...load }, signal, work).catch((error) => error);
  };
  const names = () => started.map(({ name }) => name);
  /** Transfers arrive one after the other, so that others start. */
  const endAll = async (which: (name: string) => boolean, times: number) => {
    for (let time = 0; time < times; time++) {
      const index = started.findIndex(({ name }) => which(name));
      started.splice(index, 1)[0]?.end();
      await settled();
    }
  };
  /** For these seconds, `rate` bytes per second leave in the first transfer. */
  const move = async (rate: number, seconds: number) => {
    for (let tenth = 0; tenth < 10 * seconds; tenth++) {
      clock.time += 100;
      const transfer = started[0]?.transfer;
      transfer?.progress(transfer.sent + rate / 10);
    }
    await settled();
  };
  return { hosts, clock, add, started, names, endAll, move };
}

test("host names do not wait for each other", async () => {
  const { add, names } = pool(1, 1);
  for (const name of ["a", "b", "c"]) void add(name);
  await settled();
  expect(names()).toEqual(["a", "b"]);
});

test("bytes that leave admit waiting transfers, at every host", async () => {
  const { add, started, names, clock } = pool(1, 2);
  for (const name of ["a", "b", "c", "d"]) void add(name);
  await settled();
  expect(names()).toEqual(["a", "b"]);
  clock.time += 100;
  started[0]?.transfer.progress(1);
  await settled();
  expect(names()).toEqual(["a", "b", "c", "d"]);
});

test("a caller that is aborted before or while it waits takes no connection", async () => {
  const { add, names, endAll } = pool(1, 1);
  const stop = new AbortController();
  for (const name of ["a", "b"]) void add(name);
  const waiting = add("c", {}, stop.signal);
  void add("d");
  void add("e");
  stop.abort(new Error("gone"));
  expect(await waiting).toMatchObject({ message: "gone" });
  expect(await add("f", {}, stop.signal)).toMatchObject({ message: "gone" });
  await endAll(() => true, 2);
  expect(names().sort()).toEqual(["d", "e"]);
});

test.each([
  ["503", new PartError(1, 503, "SlowDown", ""), 6],
  ["no answer", new NetworkError("refused"), 12],
  ["a line that breaks", new ConnectionBroken("reset"), 12],
  ["a refusal", new PartError(1, 403, "AccessDenied", ""), 12],
])("after one part meets %s, the limit decides how many start", async (_, error, places) => {
  const { add, started, names } = pool();
  const first = add("first");
  await settled();
  started.pop()?.end(error);
  expect(await first).toBe(error);
  for (let part = 0; part < 20; part++) void add("part");
  await settled();
  expect(names()).toHaveLength(places);
});

test("on a slow line one part is in flight over all hosts, and the next uses the warm connection", async () => {
  const { add, names, move, endAll } = pool(1, 6);
  void add("a");
  await settled();
  await move(1, 5); // a part takes 100 s
  for (const name of ["b", "c", "d"]) void add(name);
  await settled();
  expect(names()).toEqual(["a"]);
  await move(1, 95);
  expect(names()).toEqual(["a"]);
  await endAll(() => true, 1);
  expect(names()).toEqual(["c"]);
});

test("preempted parts start again in their order, before parts that have not started", async () => {
  const { add, started, names, move, endAll } = pool(2, 6);
  for (const name of ["a", "b", "c", "d", "e", "f"]) void add(name);
  await settled();
  await move(1, 5);
  const preempted = started.filter(({ transfer }) => transfer.isPreempted).map(({ name }) => name);
  expect(preempted.length).toBeGreaterThan(1);
  started.splice(1);
  await move(1, 95);
  await endAll(() => true, 1);
  expect(names()).toEqual(["c"]); // at the host of "a"
});

test("small files are never preempted", async () => {
  const { add, started, move } = pool(1, 6);
  void add("a");
  void add("small", { kind: "file" });
  await settled();
  await move(1, 5);
  expect(started.map(({ transfer }) => transfer.isPreempted)).toEqual([false, false]);
});

test("thousands of small files do not starve large ones, which get half of the connections", async () => {
  const { add, names, endAll } = pool();
  for (let file = 0; file < 100; file++) void add("file", { kind: "file", size: 1 });
  await settled();
  for (let part = 0; part < 50; part++) void add("part");
  await endAll((name) => name === "file", 30);
  expect(names().filter((name) => name === "part")).toHaveLength(6);
  expect(names()).toHaveLength(12);
});

test("a large file does not starve small ones, which get half of the connections", async () => {
  const { add, names, endAll } = pool();
  for (let part = 0; part < 100; part++) void add("part");
  await settled();
  for (let file = 0; file < 50; file++) void add("file", { kind: "file", size: 1 });
  await endAll((name) => name === "part", 30);
  expect(names().filter((name) => name === "file")).toHaveLength(6);
});

test("with one connection for each host, the kinds alternate", async () => {
  const { add, names, endAll } = pool(1, 1);
  for (let each = 0; each < 6; each++) void add("part");
  for (let each = 0; each < 6; each++) void add("file", { kind: "file", size: 1 });
  const order: string[] = [];
  for (let each = 0; each < 8; each++) {
    await settled();
    order.push(names()[0] as string);
    await endAll(() => true, 1);
  }
  expect(order.filter((name) => name === "file")).toHaveLength(4);
});

test("on a slow line a part does not block small files, nor they a part", async () => {
  const { add, names, move, endAll } = pool(1, 6);
  void add("part");
  await settled();
  await move(1, 5);
  for (let each = 0; each < 20; each++) void add("file", { kind: "file", size: 2 });
  void add("part");
  await settled();
  expect(names().filter((name) => name === "file").length).toBeGreaterThan(0);
  await endAll(() => true, 2); // the part, and a file: its host has a free connection
  expect(names()).toContain("part");
});

test("a few small files do not measure the line", async () => {
  const { add, names, move } = pool(6, 6, 100);
  void add("file", { kind: "file", size: 50 });
  await settled();
  await move(1, 5);
  for (let part = 0; part < 12; part++) void add("part");
  await settled();
  expect(names()).toHaveLength(12);
});

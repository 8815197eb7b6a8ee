import { expect, test } from "vitest";
import { HostPool } from "../../src/upload/concurrency/host-pool";
import type { Load, Transfer } from "../../src/upload/concurrency/transfer";
import { ConnectionBroken, NetworkError, PartError } from "../../src/upload/errors";
import { HandClock, settled } from "../fakes/clock";

const never = new AbortController().signal;
const HOSTS = ["one", "two"];

/** A pool, what has begun in it, and what ends it. */
function pool(first = 6, most = 6, minBytesForRate = 0) {
  const clock = new HandClock();
  const hosts = new HostPool({ first, most, clock, minBytesForRate });
  const begun: { name: string; travel: Transfer; end: (error?: unknown) => void }[] = [];
  let turn = 0;
  const add = (name: string, load: Partial<Load> = {}, signal = never) => {
    const work = (travel: Transfer) =>
      new Promise<void>((resolve, reject) => {
        travel.signal.throwIfAborted();
        travel.signal.addEventListener("abort", () => reject(travel.signal.reason));
        begun.push({ name, travel, end: (error) => (error === undefined ? resolve() : reject(error)) });
      });
    const host = HOSTS[turn++ % 2] as string;
    return hosts.use(host, { kind: "part", size: 100, ...load }, signal, work).catch((error) => error);
  };
  const names = () => begun.map(({ name }) => name);
  /** What has begun ends well, one after the other; the names of what begins meanwhile. */
  const endAll = async (which: (name: string) => boolean, times: number) => {
    for (let time = 0; time < times; time++) {
      const index = begun.findIndex(({ name }) => which(name));
      begun.splice(index, 1)[0]?.end();
      await settled();
    }
  };
  /** So many bytes a second leave, for so many seconds, in what began first. */
  const move = async (rate: number, seconds: number) => {
    for (let tenth = 0; tenth < 10 * seconds; tenth++) {
      clock.time += 100;
      const travel = begun[0]?.travel;
      travel?.progress(travel.sent + rate / 10);
    }
    await settled();
  };
  return { hosts, clock, add, begun, names, endAll, move };
}

test("host names do not wait for each other", async () => {
  const { add, names } = pool(1, 1);
  for (const name of ["a", "b", "c"]) void add(name);
  await settled();
  expect(names()).toEqual(["a", "b"]);
});

test("bytes that leave let in those who wait, at every host", async () => {
  const { add, begun, names, clock } = pool(1, 2);
  for (const name of ["a", "b", "c", "d"]) void add(name);
  await settled();
  expect(names()).toEqual(["a", "b"]);
  clock.time += 100;
  begun[0]?.travel.progress(1);
  await settled();
  expect(names()).toEqual(["a", "b", "c", "d"]);
});

test("whoever is aborted while waiting takes no place, nor whoever is aborted before", async () => {
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
])("after %s of one part there are %s places for %i", async (_, error, places) => {
  const { add, begun, names } = pool();
  const first = add("first");
  await settled();
  begun.pop()?.end(error);
  expect(await first).toBe(error);
  for (let part = 0; part < 20; part++) void add("part");
  await settled();
  expect(names()).toHaveLength(places);
});

test("on a slow line one part travels, over all hosts, and the next goes where its connection is warm", async () => {
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

test("parts that are dropped begin again in their order, before those that have not begun", async () => {
  const { add, begun, names, move, endAll } = pool(2, 6);
  for (const name of ["a", "b", "c", "d", "e", "f"]) void add(name);
  await settled();
  await move(1, 5);
  const dropped = begun.filter(({ travel }) => travel.isPreempted).map(({ name }) => name);
  expect(dropped.length).toBeGreaterThan(1);
  begun.splice(1);
  await move(1, 95);
  await endAll(() => true, 1);
  expect(names()).toEqual(["c"]); // where "a" went to
});

test("small files are never dropped", async () => {
  const { add, begun, move } = pool(1, 6);
  void add("a");
  void add("small", { kind: "file" });
  await settled();
  await move(1, 5);
  expect(begun.map(({ travel }) => travel.isPreempted)).toEqual([false, false]);
});

test("large files are not starved by thousands of small ones: they get half of the places", async () => {
  const { add, names, endAll } = pool();
  for (let file = 0; file < 100; file++) void add("file", { kind: "file", size: 1 });
  await settled();
  for (let part = 0; part < 50; part++) void add("part");
  await endAll((name) => name === "file", 30);
  expect(names().filter((name) => name === "part")).toHaveLength(6);
  expect(names()).toHaveLength(12);
});

test("small files are not starved by a large one: they get half of the places", async () => {
  const { add, names, endAll } = pool();
  for (let part = 0; part < 100; part++) void add("part");
  await settled();
  for (let file = 0; file < 50; file++) void add("file", { kind: "file", size: 1 });
  await endAll((name) => name === "part", 30);
  expect(names().filter((name) => name === "file")).toHaveLength(6);
});

test("where there is one place for each host, the kinds take turns", async () => {
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

test("on a slow line a part keeps out no small file, nor small files a part", async () => {
  const { add, names, move, endAll } = pool(1, 6);
  void add("part");
  await settled();
  await move(1, 5);
  for (let each = 0; each < 20; each++) void add("file", { kind: "file", size: 2 });
  void add("part");
  await settled();
  expect(names().filter((name) => name === "file").length).toBeGreaterThan(0);
  await endAll(() => true, 2); // the part, and a file: its host has a place
  expect(names()).toContain("part");
});

test("a few small files tell nothing about the line", async () => {
  const { add, names, move } = pool(6, 6, 100);
  void add("file", { kind: "file", size: 50 });
  await settled();
  await move(1, 5);
  for (let part = 0; part < 12; part++) void add("part");
  await settled();
  expect(names()).toHaveLength(12);
});

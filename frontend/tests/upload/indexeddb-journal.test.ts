import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbJournal } from "../../src/upload/browser/indexeddb-journal";
import type { DropRecord, Journal, JournalEntry } from "../../src/upload/ports";
import { MemoryJournal } from "../fakes/memory";

const ENTRY: JournalEntry = {
  id: "u1",
  key: "uploads/o/u1/a.bin",
  fingerprint: "print",
  filename: "a.bin",
  size: 200,
  part_size: 10,
  part_count: 20,
  began: 1,
};

const RECORD: DropRecord = {
  drop: "d1",
  first: 0,
  began: 1,
  members: [{ path: "photos/a.jpg", size: 1, lastModified: 7 }],
};

vi.stubGlobal("IDBKeyRange", IDBKeyRange);

// One contract for the fake journal and the browser's, so that the fake behaves like the real one.
describe.each([
  ["memory", () => new MemoryJournal() as Journal],
  ["IndexedDB", () => indexedDbJournal("me", new IDBFactory())],
])("%s", (_, open) => {
  let journal: Journal;
  beforeEach(() => {
    journal = open();
  });

  test("is empty at first", async () => {
    expect(await journal.all()).toEqual([]);
    expect(await journal.find("print")).toBeUndefined();
    expect(await journal.checksums("u1")).toEqual(new Map());
  });

  test("finds an upload by the fingerprint of its file", async () => {
    await journal.add(ENTRY);
    await journal.add({ ...ENTRY, id: "u2", fingerprint: "other" });
    expect(await journal.find("print")).toEqual(ENTRY);
    expect((await journal.all()).map(({ id }) => id).sort()).toEqual(["u1", "u2"]);
  });

  test("keeps checksums by upload and part, the last one where a part has two", async () => {
    await journal.add(ENTRY);
    await journal.addChecksum("u1", 10_000, "c");
    await journal.addChecksum("u1", 1, "a");
    await journal.addChecksum("u1", 1, "b");
    await journal.addChecksum("u2", 1, "x");
    expect(await journal.checksums("u1")).toEqual(
      new Map([
        [1, "b"],
        [10_000, "c"],
      ]),
    );
  });

  test("removes an upload with its checksums, and no other", async () => {
    for (const id of ["u1", "u2"]) {
      await journal.add({ ...ENTRY, id });
      await journal.addChecksum(id, 1, id);
    }
    await journal.remove("u1");
    await journal.remove("u1");
    expect((await journal.all()).map(({ id }) => id)).toEqual(["u2"]);
    expect(await journal.checksums("u1")).toEqual(new Map());
    expect(await journal.checksums("u2")).toEqual(new Map([[1, "u2"]]));
  });

  test("keeps drops, their members, and the last change to each", async () => {
    const others = { ...RECORD, first: 1 };
    await journal.note([RECORD, others], [{ drop: "d1", member: 1, id: "u1" }]);
    await journal.note([], [{ drop: "d1", member: 0, isSettled: true }]);
    await journal.note([], [{ drop: "d1", member: 1, isSettled: true }]);
    const { records, changes } = await journal.drops();
    expect(records).toEqual([RECORD, others]);
    expect(changes.sort((a, b) => a.member - b.member)).toEqual([
      { drop: "d1", member: 0, isSettled: true },
      { drop: "d1", member: 1, isSettled: true },
    ]);
  });

  test("removes a drop with its members, and no other", async () => {
    for (const drop of ["d1", "d11"])
      await journal.note([{ ...RECORD, drop }], [{ drop, member: 0, id: drop }]);
    await journal.removeDrop("d1");
    await journal.removeDrop("d1");
    expect(await journal.drops()).toEqual({
      records: [{ ...RECORD, drop: "d11" }],
      changes: [{ drop: "d11", member: 0, id: "d11" }],
    });
  });
});

test("the records of a database of version 1 are kept", async () => {
  const factory = new IDBFactory();
  const older = await new Promise<IDBDatabase>((resolve) => {
    const request = factory.open("hoist-me", 1);
    request.onupgradeneeded = () => {
      const uploads = request.result.createObjectStore("uploads", { keyPath: "id" });
      uploads.createIndex("fingerprint", "fingerprint");
      uploads.put(ENTRY);
      request.result.createObjectStore("checksums", { keyPath: ["id", "part"] });
    };
    request.onsuccess = () => resolve(request.result);
  });
  older.close();
  const journal = indexedDbJournal("me", factory);
  expect(await journal.find("print")).toEqual(ENTRY);
  await journal.note([RECORD], []);
  expect(await journal.drops()).toEqual({ records: [RECORD], changes: [] });
});

test("a page closes its database for a newer version", async () => {
  const factory = new IDBFactory();
  const journal = indexedDbJournal("me", factory);
  await journal.add(ENTRY);
  const newer = factory.open("hoist-me", 99);
  await new Promise((resolve) => {
    newer.onsuccess = resolve;
  });
  await expect(journal.all()).rejects.toThrow();
});

test("the next page of the same owner finds the records, another owner does not", async () => {
  const factory = new IDBFactory();
  await indexedDbJournal("me", factory).add(ENTRY);
  expect(await indexedDbJournal("me", factory).find("print")).toEqual(ENTRY);
  expect(await indexedDbJournal("you", factory).all()).toEqual([]);
});

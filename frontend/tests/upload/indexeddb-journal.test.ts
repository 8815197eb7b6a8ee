import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbJournal } from "../../src/upload/indexeddb-journal";
import type { Journal, JournalEntry } from "../../src/upload/journal";
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

vi.stubGlobal("IDBKeyRange", IDBKeyRange);

// One contract for the journal of the tests and for the browser's, so that a fake cannot lie.
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

  test("keeps checksums by upload and part, the last of one that comes twice", async () => {
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

  test("forgets an upload with its checksums, and no other", async () => {
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
});

test("what one page writes the next one finds; another owner does not", async () => {
  const factory = new IDBFactory();
  await indexedDbJournal("me", factory).add(ENTRY);
  expect(await indexedDbJournal("me", factory).find("print")).toEqual(ENTRY);
  expect(await indexedDbJournal("you", factory).all()).toEqual([]);
});

// The port Journal in IndexedDB: one database for each owner. A part that has arrived costs one small write. Changes to
// the members of a drop are stored apart from the members, of which there may be thousands.
// Must not know what entries are used for.
import type { DropRecord, Journal, JournalEntry, MemberRecord } from "../ports";

/** The stores that each version of the database adds, and what identifies a record in them. */
const VERSIONS: Record<string, string | string[]>[] = [
  { uploads: "id", checksums: ["id", "part"] },
  { drops: ["drop", "first"], members: ["drop", "member"] },
];
const STORES = VERSIONS.flatMap((stores) => Object.keys(stores));

type Store = (name: string) => IDBObjectStore;

export function indexedDbJournal(owner: string, factory: IDBFactory = indexedDB): Journal {
  let opening: Promise<IDBDatabase> | undefined;
  const forget = () => {
    opening = undefined;
  };
  const database = () => {
    opening ??= open(factory, `hoist-${owner}`, forget);
    opening.catch(forget);
    return opening;
  };
  const within = async <T>(mode: IDBTransactionMode, work: (store: Store) => T): Promise<T> => {
    const transaction = (await database()).transaction(STORES, mode);
    const result = work((name) => transaction.objectStore(name));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
    return result;
  };
  const read = async <T>(work: (store: Store) => IDBRequest<T>): Promise<T> =>
    (await within("readonly", work)).result;
  const write = (work: (store: Store) => void): Promise<void> => within("readwrite", work);
  return {
    find: (fingerprint) =>
      read<JournalEntry | undefined>((store) => store("uploads").index("fingerprint").get(fingerprint)),
    all: () => read<JournalEntry[]>((store) => store("uploads").getAll()),
    add: (entry) => write((store) => store("uploads").put(entry)),
    checksums: async (id) => {
      const rows = await read<{ part: number; crc64nvme: string }[]>((store) =>
        store("checksums").getAll(allOf(id)),
      );
      return new Map(rows.map(({ part, crc64nvme }) => [part, crc64nvme]));
    },
    addChecksum: (id, part, crc64nvme) => write((store) => store("checksums").put({ id, part, crc64nvme })),
    remove: (id) =>
      write((store) => {
        store("uploads").delete(id);
        store("checksums").delete(allOf(id));
      }),
    drops: async () => {
      const records = await read<DropRecord[]>((store) => store("drops").getAll());
      return { records, changes: await read<MemberRecord[]>((store) => store("members").getAll()) };
    },
    note: (records, changes) =>
      write((store) => {
        for (const record of records) store("drops").put(record);
        for (const change of changes) store("members").put(change);
      }),
    removeDrop: (key) =>
      write((store) => {
        store("drops").delete(allOf(key));
        store("members").delete(allOf(key));
      }),
  };
}

/** The keys of all records of an upload or a drop: its name first, then a number. */
function allOf(name: string): IDBKeyRange {
  return IDBKeyRange.bound([name, 0], [name, Number.MAX_SAFE_INTEGER]);
}

/** Calls `onClosed` when a page of a newer version has to change the database. */
function open(factory: IDBFactory, name: string, onClosed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, VERSIONS.length);
    request.onupgradeneeded = ({ oldVersion }) => {
      for (const stores of VERSIONS.slice(oldVersion))
        for (const [store, keyPath] of Object.entries(stores))
          request.result.createObjectStore(store, { keyPath });
      if (oldVersion === 0)
        request.transaction?.objectStore("uploads").createIndex("fingerprint", "fingerprint");
    };
    request.onsuccess = () => {
      const { result } = request;
      result.onversionchange = () => {
        result.close();
        onClosed();
      };
      resolve(result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("The journal is open in an older tab"));
  });
}

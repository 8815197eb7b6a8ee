// The journal in IndexedDB: one database for each owner, entries in one store, parts' checksums in another, so that
// a part that has arrived costs one small write. Must not know what entries are used for.
import type { Journal, JournalEntry } from "./journal";

const VERSION = 1;

export function indexedDbJournal(owner: string, factory: IDBFactory = indexedDB): Journal {
  let opening: Promise<IDBDatabase> | undefined;
  const database = () => {
    opening ??= open(factory, `hoist-${owner}`);
    opening.catch(() => {
      opening = undefined;
    });
    return opening;
  };
  const within = async <T>(mode: IDBTransactionMode, work: (stores: Stores) => IDBRequest<T>): Promise<T> => {
    const transaction = (await database()).transaction(["uploads", "checksums"], mode);
    const request = work({
      uploads: transaction.objectStore("uploads"),
      checksums: transaction.objectStore("checksums"),
    });
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  };
  return {
    find: (fingerprint) =>
      within<JournalEntry | undefined>("readonly", ({ uploads }) =>
        uploads.index("fingerprint").get(fingerprint),
      ),
    all: () => within<JournalEntry[]>("readonly", ({ uploads }) => uploads.getAll()),
    add: async (entry) => void (await within("readwrite", ({ uploads }) => uploads.put(entry))),
    checksums: async (id) => {
      const found = await within<{ part: number; crc64nvme: string }[]>("readonly", ({ checksums }) =>
        checksums.getAll(ofUpload(id)),
      );
      return new Map(found.map(({ part, crc64nvme }) => [part, crc64nvme]));
    },
    addChecksum: async (id, part, crc64nvme) =>
      void (await within("readwrite", ({ checksums }) => checksums.put({ id, part, crc64nvme }))),
    remove: async (id) =>
      void (await within("readwrite", ({ uploads, checksums }) => {
        uploads.delete(id);
        return checksums.delete(ofUpload(id));
      })),
  };
}

type Stores = { uploads: IDBObjectStore; checksums: IDBObjectStore };

function ofUpload(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER]);
}

function open(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, VERSION);
    request.onupgradeneeded = () => {
      const uploads = request.result.createObjectStore("uploads", { keyPath: "id" });
      uploads.createIndex("fingerprint", "fingerprint");
      request.result.createObjectStore("checksums", { keyPath: ["id", "part"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("The journal is open in an older tab"));
  });
}

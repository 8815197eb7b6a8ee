// The uploads that earlier pages left unfinished: files with parts in S3, and drops with missing files. Each file is
// listed once. It stands by itself if one click resumes it or if it is the only missing file of its drop. Otherwise it is
// listed with its drop. Must not know how files are sent.
import type { Api } from "../api/api";
import { tryToRemove } from "../api/calls";
import type { State } from "../api/contract";
import type { Clock } from "../clock";
import { ApiError, goneAsUndefined } from "../errors";
import { sizeOf } from "../parts/part-ranges";
import type { Journal, JournalEntry, Locks, Member } from "../ports";
import type { RetryRule } from "../retry/retry";
import { type Chosen, type Drop, folderOf } from "./drop";
import type { Drops } from "./drops";
import { lockName } from "./resume-record";

/** A file with parts in S3; `sent` is about how many of its bytes are there. */
export type UnfinishedFile = JournalEntry & { sent: number };

/** A drop with missing files. */
export type UnfinishedDrop = {
  key: string;
  /** When it was added, in milliseconds since 1970. */
  began: number;
  /** The outermost folder of its files; empty where the person picked them one by one. */
  folder: string;
  /** The name of its first missing file. */
  filename: string;
  /** The number of its files. */
  count: number;
  /** The member numbers of the missing files. */
  missing: number[];
  /** Bytes of the missing files, and about how many of these bytes are in S3. */
  size: number;
  sent: number;
  /** The missing files that have parts in S3. */
  files: UnfinishedFile[];
};

export type Unfinished = { files: UnfinishedFile[]; drops: UnfinishedDrop[] };

/** Ids that the API takes in one request, at most. */
const BATCH = 100;
/** Uploads that are removed at the same time. */
const CONCURRENCY = 6;
/** Uploads in these states have not arrived. */
const OPEN: ReadonlySet<State> = new Set(["uploading", "aborted"]);

export type UnfinishedOptions = {
  api: Api;
  journal: Journal;
  locks: Locks;
  clock: Clock;
  drops: Drops;
  /** The fingerprints of the files that this tab is sending. */
  claims: ReadonlySet<string>;
  /** How the removal of an upload is retried. */
  removal: RetryRule;
};

export class UnfinishedUploads {
  readonly #options: UnfinishedOptions;
  /** The keys of the drops that were compared with the API. */
  readonly #compared = new Set<string>();

  constructor(options: UnfinishedOptions) {
    this.#options = options;
  }

  /** Newest first. */
  async list(): Promise<Unfinished> {
    const { journal, drops } = this.#options;
    await drops.read();
    const entries = await journal.all().catch(() => []);
    const files = (await Promise.all(entries.map((entry) => this.#check(entry)))).flat();
    await Promise.all(drops.unfinished.map((drop) => this.#compare(drop)));
    const apart = files.filter((file) => this.#isApart(file));
    const rows = drops.unfinished.flatMap((drop) => this.#describe(drop, files, apart));
    const newestFirst = (a: { began: number }, b: { began: number }) => b.began - a.began;
    return { files: apart.sort(newestFirst), drops: rows.sort(newestFirst) };
  }

  /** Discards an upload, in the journal and in S3. */
  async discard({ id, member_key }: JournalEntry): Promise<void> {
    await this.#remove(id);
    await this.#options.journal.remove(id);
    this.#settle(member_key);
  }

  /** Discards the missing files of a drop, in the journal and in S3. Resolves with the ids of their uploads. */
  async discardDrop({ key, missing }: UnfinishedDrop): Promise<string[]> {
    const drop = await this.#options.drops.claim(key);
    return drop ? this.#discardMembers(drop, missing) : [];
  }

  /** Claims a drop and compares it with files that the person picked again. Undefined when another tab has the drop. */
  async resume({ key }: UnfinishedDrop, files: readonly Member[]): Promise<Chosen | undefined> {
    const { drops } = this.#options;
    const drop = await drops.claim(key);
    if (!drop) return undefined;
    const chosen = drop.choose(files);
    drops.settleMissing(drop, chosen.replaced); // before they are removed, so that the person need not wait
    void this.#discardMembers(drop, chosen.replaced).catch(() => undefined);
    return chosen;
  }

  async #discardMembers(drop: Drop, numbers: readonly number[]): Promise<string[]> {
    const { drops, journal } = this.#options;
    const ids = numbers.flatMap((number) => drop.ids.get(number) ?? []);
    const remaining = [...ids];
    const discard = async () => {
      for (let id = remaining.pop(); id !== undefined; id = remaining.pop()) {
        await this.#remove(id).catch(goneAsUndefined);
        await journal.remove(id).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, discard));
    drops.settleMissing(drop, numbers);
    return ids;
  }

  /** Returns the file if it can be resumed, and removes an entry whose upload has ended. Omits files in other tabs. */
  async #check(entry: JournalEntry): Promise<UnfinishedFile[]> {
    const { api, journal, locks, claims } = this.#options;
    if (claims.has(entry.fingerprint)) return [];
    if (await locks.isHeld(lockName(entry.fingerprint))) return [];
    const state = await stateOf(api, entry.id);
    if (state === "uploading") {
      const parts = await journal.checksums(entry.id).catch(() => new Map());
      return [{ ...entry, sent: sizeOf([...parts.keys()], entry.part_size, entry.size) }];
    }
    await journal.remove(entry.id).catch(() => undefined);
    if (!OPEN.has(state)) this.#settle(entry.member_key);
    return [];
  }

  /** Settles files that arrived after the earlier page had closed. Calls the API once for each drop. */
  async #compare(drop: Drop): Promise<void> {
    const { api, drops } = this.#options;
    if (!drop.isResumed || this.#compared.has(drop.key)) return;
    this.#compared.add(drop.key);
    const created = drop.missing.filter((number) => drop.ids.has(number));
    for (let first = 0; first < created.length; first += BATCH) {
      const numbers = created.slice(first, first + BATCH);
      const ids = numbers.map((number) => drop.ids.get(number) ?? "");
      const results = await api.completeMany(ids).catch(() => []);
      const hasArrived = (_: number, index: number) => {
        const result = results[index];
        return result !== undefined && "upload" in result && !OPEN.has(result.upload.state);
      };
      drops.settleMissing(drop, numbers.filter(hasArrived));
    }
  }

  /** Whether the file is listed by itself rather than with its drop. */
  #isApart({ member_key, handle }: UnfinishedFile): boolean {
    const place = this.#options.drops.placeOf(member_key);
    return !place || handle !== undefined || place.drop.missing.length <= 1;
  }

  #describe(drop: Drop, files: UnfinishedFile[], apart: UnfinishedFile[]): UnfinishedDrop[] {
    const numberOf = ({ member_key }: JournalEntry) => {
      const place = this.#options.drops.placeOf(member_key);
      return place?.drop === drop ? place.number : undefined;
    };
    const elsewhere = new Set(apart.map(numberOf));
    const missing = drop.missing.filter((number) => !elsewhere.has(number));
    const members = missing.flatMap((number) => drop.members[number] ?? []);
    const [first] = members;
    if (!first) return [];
    const within = files.filter((file) => !apart.includes(file) && numberOf(file) !== undefined);
    return [
      {
        ...{ key: drop.key, began: drop.began, count: drop.members.length, missing, files: within },
        ...{ folder: folderOf(first.path), filename: first.path.slice(first.path.lastIndexOf("/") + 1) },
        size: members.reduce((total, { size }) => total + size, 0),
        sent: within.reduce((total, { sent }) => total + sent, 0),
      },
    ];
  }

  #settle(memberKey: string | undefined): void {
    const place = this.#options.drops.placeOf(memberKey);
    if (place) this.#options.drops.settleMissing(place.drop, [place.number]);
  }

  #remove(id: string): Promise<void> {
    return tryToRemove(this.#options, this.#options.removal, id);
  }
}

/** Without a response an upload counts as unfinished: an attempt to resume it will show its state. */
async function stateOf(api: Api, id: string): Promise<State> {
  try {
    return (await api.get(id)).state;
  } catch (error) {
    return error instanceof ApiError && error.status === 404 ? "aborted" : "uploading";
  }
}

// What earlier pages left unfinished: files with parts in S3, and drops of which files are missing. A file is told
// once: by itself where one click resumes it or nothing else of its drop is missing, else within its drop.
// Must not know how files are sent.
import type { Api } from "../api/api";
import { tryToRemove } from "../api/calls";
import type { State } from "../api/contract";
import type { Locks } from "../browser/tab-locks";
import type { Clock } from "../clock";
import { ApiError, goneAsUndefined } from "../errors";
import { sizeOf } from "../parts/part-ranges";
import type { RetryRule } from "../retry/retry";
import { type Chosen, type Drop, folderOf, type Member } from "./drop";
import type { Drops } from "./drops";
import type { Journal, JournalEntry } from "./fingerprint";
import { lockName } from "./resume-record";

/** A file of which some parts are sent, and about how many bytes of it are in S3. */
export type UnfinishedFile = JournalEntry & { sent: number };

/** A drop of which files are missing. */
export type UnfinishedDrop = {
  key: string;
  /** Milliseconds since 1970. */
  began: number;
  /** The outermost folder of its files; empty where they were picked one by one. */
  folder: string;
  /** The name of its first missing file. */
  filename: string;
  /** How many files it has. */
  count: number;
  /** The numbers of the missing ones. */
  missing: number[];
  /** Bytes of the missing files, and about how many of them are in S3. */
  size: number;
  sent: number;
  /** The missing files of which S3 has parts. */
  files: UnfinishedFile[];
};

export type Unfinished = { files: UnfinishedFile[]; drops: UnfinishedDrop[] };

/** So many ids the API takes in one request. */
const BATCH = 100;
/** So many uploads are removed at once. */
const AT_ONCE = 6;
const OPEN: ReadonlySet<State> = new Set(["uploading", "aborted"]);

export type LeftOptions = {
  api: Api;
  journal: Journal;
  locks: Locks;
  clock: Clock;
  drops: Drops;
  /** The fingerprints of files that this tab is sending. */
  claims: ReadonlySet<string>;
  /** How an upload is removed. */
  removal: RetryRule;
};

export class Left {
  readonly #options: LeftOptions;
  /** The drops whose created uploads the API was asked about. */
  readonly #compared = new Set<string>();

  constructor(options: LeftOptions) {
    this.#options = options;
  }

  /** Newest first. */
  async list(): Promise<Unfinished> {
    const { journal, drops } = this.#options;
    await drops.read();
    const entries = await journal.all().catch(() => []);
    const files = (await Promise.all(entries.map((entry) => this.#look(entry)))).flat();
    await Promise.all(drops.unfinished.map((drop) => this.#compare(drop)));
    const apart = files.filter((file) => this.#isApart(file));
    const rows = drops.unfinished.flatMap((drop) => this.#describe(drop, files, apart));
    const newestFirst = (a: { began: number }, b: { began: number }) => b.began - a.began;
    return { files: apart.sort(newestFirst), drops: rows.sort(newestFirst) };
  }

  /** Discards a file, here and in S3. */
  async discard({ id, member_key }: JournalEntry): Promise<void> {
    await this.#remove(id);
    await this.#options.journal.remove(id);
    this.#settle(member_key);
  }

  /** Discards what is missing of a drop, here and in S3; resolves with the ids of the uploads that were created. */
  async discardDrop({ key, missing }: UnfinishedDrop): Promise<string[]> {
    const drop = await this.#options.drops.claim(key);
    return drop ? this.#discardMembers(drop, missing) : [];
  }

  /** Claims a drop for files that were chosen again, and says what each is. Undefined when another tab has the drop. */
  async resume({ key }: UnfinishedDrop, files: readonly Member[]): Promise<Chosen | undefined> {
    const { drops } = this.#options;
    const drop = await drops.claim(key);
    if (!drop) return undefined;
    const chosen = drop.choose(files);
    drops.settleMissing(drop, chosen.replaced); // the person need not wait until they are removed
    void this.#discardMembers(drop, chosen.replaced).catch(() => undefined);
    return chosen;
  }

  async #discardMembers(drop: Drop, numbers: readonly number[]): Promise<string[]> {
    const { drops, journal } = this.#options;
    const ids = numbers.flatMap((number) => drop.ids.get(number) ?? []);
    const left = [...ids];
    const discard = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        await this.#remove(id).catch(goneAsUndefined);
        await journal.remove(id).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, discard));
    drops.settleMissing(drop, numbers);
    return ids;
  }

  /** What a tab is sending is left out; what the API has closed meanwhile is forgotten. */
  async #look(entry: JournalEntry): Promise<UnfinishedFile[]> {
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

  /** Files whose arrival the earlier page could not write down any more: once for each drop the API is asked. */
  async #compare(drop: Drop): Promise<void> {
    const { api, drops } = this.#options;
    if (!drop.isResumed || this.#compared.has(drop.key)) return;
    this.#compared.add(drop.key);
    const created = drop.missing.filter((number) => drop.ids.has(number));
    for (let first = 0; first < created.length; first += BATCH) {
      const numbers = created.slice(first, first + BATCH);
      const ids = numbers.map((number) => drop.ids.get(number) ?? "");
      const answers = await api.completeMany(ids).catch(() => []);
      const hasArrived = (_: number, place: number) => {
        const answer = answers[place];
        return answer !== undefined && "upload" in answer && !OPEN.has(answer.upload.state);
      };
      drops.settleMissing(drop, numbers.filter(hasArrived));
    }
  }

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

/** Without an answer an upload counts as open: sending it will tell. */
async function stateOf(api: Api, id: string): Promise<State> {
  try {
    return (await api.get(id)).state;
  } catch (error) {
    return error instanceof ApiError && error.status === 404 ? "aborted" : "uploading";
  }
}

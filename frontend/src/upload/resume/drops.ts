// The drops of this page and the unfinished ones of earlier pages. Which of their files are missing is kept in the journal.
// When the journal does not work, drops cannot be resumed; uploads continue. Must not know how files are sent, nor call
// the API.

import { newKey } from "../api/idempotency-key";
import type { Clock } from "../clock";
import type { DropRecord, Journal, Locks, Member, MemberRecord, SourceFile } from "../ports";
import { inSlices } from "../tasks";
import { Drop, folderOf, memberOf } from "./drop";

/** Files that are added within this many milliseconds after others of the same folder belong to the same drop. */
const SAME_DROP = 1_000;
/** Milliseconds for which changes are gathered, so that one write stores many. */
const FLUSH_DELAY = 250;
/** Milliseconds after which a drop is removed: 30 days. S3 has deleted its parts long before. */
const MAX_AGE = 30 * 24 * 3_600_000;

export type DropsOptions = { journal: Journal; locks: Locks; clock: Clock };

type Added = { file: SourceFile; member: Member };
type Place = { drop: Drop; number: number };

export class Drops {
  readonly #options: DropsOptions;
  /** The drops that this page has claimed, each with the function that releases the claim. */
  readonly #claimed = new Map<Drop, () => void>();
  /** Unfinished drops of earlier pages that no tab is uploading, by key. */
  #unclaimed = new Map<string, Drop>();
  #reading: Promise<void> | undefined;
  readonly #places = new WeakMap<SourceFile, Place>();
  #last: { drop: Drop; folder: string; added: number } | undefined;
  /** Not written yet, in order. */
  #records: DropRecord[] = [];
  #changes: MemberRecord[] = [];
  #cancelFlush: (() => void) | undefined;

  constructor(options: DropsOptions) {
    this.#options = options;
  }

  /** The drops with missing files as of the last `read`, including this page's own. */
  get unfinished(): Drop[] {
    return [...this.#unclaimed.values(), ...this.#claimed.keys()].filter(({ missing }) => missing.length > 0);
  }

  /** Reads the drops that other pages have left unfinished by now. */
  read(): Promise<void> {
    this.#reading = this.#read();
    return this.#reading;
  }

  /**
   * Records files that a person adds together and gives each its idempotency key. A file that is missing from an
   * unfinished drop becomes that member again. Resolves with the files that need not be sent because they arrived before.
   * This applies to drops that the person resumes, by adding at least half of the missing files.
   */
  async add(files: readonly SourceFile[]): Promise<ReadonlySet<SourceFile>> {
    await (this.#reading ?? this.read());
    const members = await this.#describe(files);
    const isMissingFrom = (drop: Drop) =>
      members.some(({ member }) => drop.findMissing(member) !== undefined);
    for (const drop of this.#unclaimed.values()) if (isMissingFrom(drop)) await this.#claimUnclaimed(drop);
    const arrived = new Set<SourceFile>();
    let others = members;
    for (const drop of this.#claimed.keys()) if (drop.isResumed) others = this.#join(drop, others, arrived);
    this.#start(others);
    return arrived;
  }

  /** Claims a drop for this page. Undefined when another tab has it, or none of its files is missing. */
  async claim(key: string): Promise<Drop | undefined> {
    const drop = this.#find(key);
    return !drop || this.#claimed.has(drop) ? drop : this.#claimUnclaimed(drop);
  }

  isRecorded(file: SourceFile): boolean {
    return this.#places.has(file);
  }

  /** The upload of a member was created. */
  created(file: SourceFile, id: string): void {
    const place = this.#places.get(file);
    if (!place) return;
    const { drop, number } = place;
    drop.ids.set(number, id);
    this.#note({ drop: drop.key, member: number, id });
  }

  /** The file needs nothing more. */
  settle(file: SourceFile): void {
    const place = this.#places.get(file);
    if (place) this.#settle(place);
  }

  /** Missing members need nothing more. */
  settleMissing(drop: Drop, numbers: readonly number[]): void {
    for (const number of numbers) this.#settle({ drop, number });
  }

  /** Returns the member with this idempotency key, of a drop that was read or claimed. */
  placeOf(memberKey: string | undefined): Place | undefined {
    const [key = "", number] = memberKey?.split("-") ?? [];
    const drop = this.#find(key);
    return drop && { drop, number: Number(number) };
  }

  /** Writes all changes now. The page calls it before it closes. */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const [records, changes] = [this.#records, this.#changes];
    if (records.length === 0 && changes.length === 0) return;
    [this.#records, this.#changes] = [[], []];
    await this.#options.journal.note(records, changes).catch(() => undefined);
  }

  #find(key: string): Drop | undefined {
    return this.#unclaimed.get(key) ?? [...this.#claimed.keys()].find((drop) => drop.key === key);
  }

  /** Resolves with the drops in the journal, after it has written this page's changes. */
  async #stored(): Promise<Drop[]> {
    await this.flush();
    return dropsIn(this.#options.journal).catch(() => []);
  }

  async #read(): Promise<void> {
    const { locks, clock } = this.#options;
    const drops = await this.#stored();
    const unclaimed = new Map<string, Drop>();
    for (const drop of drops) {
      if ([...this.#claimed.keys()].some(({ key }) => key === drop.key)) continue;
      if (drop.isSettled || drop.began + MAX_AGE < clock.now()) void this.#remove(drop.key);
      else if (!(await locks.isHeld(lockName(drop.key)))) unclaimed.set(drop.key, drop);
    }
    for (const { key } of this.#claimed.keys()) unclaimed.delete(key); // claimed since this method started
    this.#unclaimed = unclaimed;
  }

  /** Reads the drop again after the claim, because another tab may have changed it. */
  async #claimUnclaimed({ key }: Drop): Promise<Drop | undefined> {
    this.#unclaimed.delete(key);
    const release = await this.#options.locks.claim(lockName(key)).catch(() => () => undefined);
    if (!release) return undefined;
    const drops = await this.#stored();
    const drop = drops.find((each) => each.key === key);
    if (!drop || drop.isSettled) return void release();
    this.#unclaimed.delete(key);
    this.#claimed.set(drop, release);
    return drop;
  }

  /** The size and the time of each file cost disk access: thousands are read in more than one task. */
  async #describe(files: readonly SourceFile[]): Promise<Added[]> {
    const { clock } = this.#options;
    const described: Added[] = [];
    const describe = (slice: SourceFile[]) => {
      for (const file of slice) described.push({ file, member: memberOf(file) });
    };
    await inSlices(files, describe, { now: () => clock.now(), next: () => clock.wait(0) });
    return described;
  }

  /** Assigns files to missing members of a resumed drop. Returns the others, without those that had arrived before. */
  #join(drop: Drop, files: readonly Added[], arrived: Set<SourceFile>): Added[] {
    const missing = drop.missing.length;
    const others: Added[] = [];
    for (const added of files) {
      const number = drop.findMissing(added.member);
      if (number === undefined) others.push(added);
      else this.#assign(added.file, { drop, number });
    }
    if (missing === 0 || (files.length - others.length) * 2 < missing) return others;
    return others.filter(({ file, member }) => {
      const isSettled = drop.find(member, (number) => drop.settled.has(number)) !== undefined;
      if (isSettled) arrived.add(file);
      return !isSettled;
    });
  }

  /** Adds files to new drops. */
  #start(files: readonly Added[]): void {
    for (const { file, member } of files) {
      const drop = this.#dropFor(folderOf(member.path));
      const number = drop.add(member);
      this.#assign(file, { drop, number });
      this.#record(drop, number, member);
    }
  }

  #assign(file: SourceFile, place: Place): void {
    const { drop, number } = place;
    drop.inProgress.add(number);
    file.key = keyOf(drop, number);
    this.#places.set(file, place);
  }

  /** Returns the drop for a file of this folder: the newest, or a new one. */
  #dropFor(folder: string): Drop {
    const now = this.#options.clock.now();
    const last = this.#last;
    const isTogether = last && last.folder === folder && now - last.added < SAME_DROP;
    const drop = isTogether && this.#claimed.has(last.drop) ? last.drop : this.#newDrop();
    this.#last = { drop, folder, added: now };
    return drop;
  }

  #newDrop(): Drop {
    const { clock, locks } = this.#options;
    const drop = new Drop(newKey(), clock.now(), false);
    const claim = locks.claim(lockName(drop.key)).catch(() => undefined);
    this.#claimed.set(drop, () => void claim.then((release) => release?.()));
    return drop;
  }

  #record({ key, began }: Drop, first: number, member: Member): void {
    const last = this.#records.at(-1);
    if (last?.drop === key) last.members.push(member);
    else this.#records.push({ drop: key, first, began, members: [member] });
    this.#flushSoon();
  }

  #settle({ drop, number }: Place): void {
    if (drop.settled.has(number)) return;
    drop.settled.add(number);
    drop.inProgress.delete(number);
    if (drop.isSettled) this.#end(drop);
    else this.#note({ drop: drop.key, member: number, isSettled: true });
  }

  #end(drop: Drop): void {
    this.#claimed.get(drop)?.();
    this.#claimed.delete(drop);
    this.#unclaimed.delete(drop.key);
    void this.#remove(drop.key);
  }

  #note(change: MemberRecord): void {
    this.#changes.push(change);
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#options.clock.alarm(FLUSH_DELAY, () => void this.flush());
  }

  async #remove(key: string): Promise<void> {
    this.#records = this.#records.filter(({ drop }) => drop !== key);
    this.#changes = this.#changes.filter(({ drop }) => drop !== key);
    await this.#options.journal.removeDrop(key).catch(() => undefined);
  }
}

function lockName(key: string): string {
  return `hoist drop ${key}`;
}

function keyOf(drop: Drop, number: number): string {
  return `${drop.key}-${number}`;
}

async function dropsIn(journal: Journal): Promise<Drop[]> {
  const { records, changes } = await journal.drops();
  const drops = new Map<string, Drop>();
  for (const { drop: key, began, members } of records.sort((a, b) => a.first - b.first)) {
    const drop = drops.get(key) ?? new Drop(key, began, true);
    drops.set(key, drop);
    for (const member of members) drop.add(member);
  }
  for (const { drop: key, member, id, isSettled } of changes) {
    const drop = drops.get(key);
    if (id !== undefined) drop?.ids.set(member, id);
    if (isSettled) drop?.settled.add(member);
  }
  return [...drops.values()];
}

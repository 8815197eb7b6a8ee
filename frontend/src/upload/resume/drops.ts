// The drops of this page and those that earlier pages left: which files are still missing, kept in the journal.
// A journal that does not work costs resuming, never the upload. Must not know how files are sent, nor ask the API.

import { newKey } from "../api/idempotency-key";
import type { Locks } from "../browser/tab-locks";
import type { Clock } from "../clock";
import type { SourceFile } from "../settings";
import { Drop, folderOf, type Member, memberOf } from "./drop";
import type { DropRecord, Journal, MemberRecord } from "./fingerprint";

/** Files that are added so soon (milliseconds) after others of the same folder belong to the same drop. */
const TOGETHER = 1_000;
/** What became of members is gathered for so long (milliseconds): one write for many. */
const GATHER = 250;
/** Milliseconds of work before others have their turn. */
const SHARE = 8;
/** Nobody chooses a folder again after so long (milliseconds); S3 has dropped its parts long before. */
const KEPT = 30 * 24 * 3_600_000;

export type DropsOptions = { journal: Journal; locks: Locks; clock: Clock };

type Added = { file: SourceFile; member: Member };
type Place = { drop: Drop; number: number };

export class Drops {
  readonly #options: DropsOptions;
  /** The drops that this page has claimed, each with what gives it back. */
  readonly #claimed = new Map<Drop, () => void>();
  /** What earlier pages left and no tab is sending, by key. */
  #left = new Map<string, Drop>();
  #reading: Promise<void> | undefined;
  readonly #places = new WeakMap<SourceFile, Place>();
  #last: { drop: Drop; folder: string; added: number } | undefined;
  /** What is not written yet, in order. */
  #records: DropRecord[] = [];
  #changes: MemberRecord[] = [];
  #flushing: (() => void) | undefined;

  constructor(options: DropsOptions) {
    this.#options = options;
  }

  /** The drops with missing files, this page's own included, as far as they were read. */
  get unfinished(): Drop[] {
    return [...this.#left.values(), ...this.#claimed.keys()].filter(({ missing }) => missing.length > 0);
  }

  /** Reads what other pages have left by now. */
  read(): Promise<void> {
    this.#reading = this.#read();
    return this.#reading;
  }

  /**
   * Records files that are added together and gives each its idempotency key. A file that is missing from a drop takes
   * its place there. Resolves with the files that need not be sent: they arrived before, and the person resumes their
   * drop by adding at least half of what is missing.
   */
  async add(files: readonly SourceFile[]): Promise<ReadonlySet<SourceFile>> {
    await (this.#reading ?? this.read());
    const members = await this.#describe(files);
    const isMissingFrom = (drop: Drop) =>
      members.some(({ member }) => drop.findMissing(member) !== undefined);
    for (const drop of this.#left.values()) if (isMissingFrom(drop)) await this.#claimLeft(drop);
    const arrived = new Set<SourceFile>();
    let others = members;
    for (const drop of this.#claimed.keys()) if (drop.isResumed) others = this.#join(drop, others, arrived);
    this.#begin(others);
    return arrived;
  }

  /** Claims a drop for this page. Undefined when another tab has it, or nothing of it is missing. */
  async claim(key: string): Promise<Drop | undefined> {
    const known = this.#find(key);
    if (!known || this.#claimed.has(known)) return known;
    return this.#claimLeft(known);
  }

  isRecorded(file: SourceFile): boolean {
    return this.#places.has(file);
  }

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

  /** Members that no page takes care of need nothing more, as is known from elsewhere. */
  settleMissing(drop: Drop, numbers: readonly number[]): void {
    for (const number of numbers) this.#settle({ drop, number });
  }

  /** The member with this idempotency key, of a drop that was read or claimed. */
  placeOf(memberKey: string | undefined): Place | undefined {
    const [key = "", number] = memberKey?.split("-") ?? [];
    const drop = this.#find(key);
    return drop && { drop, number: Number(number) };
  }

  /** Writes what is known now; a page calls it before it goes away. */
  async flush(): Promise<void> {
    this.#flushing?.();
    this.#flushing = undefined;
    const [records, changes] = [this.#records, this.#changes];
    if (records.length === 0 && changes.length === 0) return;
    [this.#records, this.#changes] = [[], []];
    await this.#options.journal.note(records, changes).catch(() => undefined);
  }

  #find(key: string): Drop | undefined {
    return this.#left.get(key) ?? [...this.#claimed.keys()].find((drop) => drop.key === key);
  }

  /** The drops that the journal holds, what this page knows included. */
  async #restored(): Promise<Drop[]> {
    await this.flush();
    return restored(this.#options.journal).catch(() => []);
  }

  async #read(): Promise<void> {
    const { locks, clock } = this.#options;
    const drops = await this.#restored();
    const left = new Map<string, Drop>();
    for (const drop of drops) {
      if ([...this.#claimed.keys()].some(({ key }) => key === drop.key)) continue;
      if (drop.isSettled || drop.began + KEPT < clock.now()) void this.#forget(drop.key);
      else if (!(await locks.isHeld(lockName(drop.key)))) left.set(drop.key, drop);
    }
    for (const { key } of this.#claimed.keys()) left.delete(key); // claimed while this was read
    this.#left = left;
  }

  /** What another tab has done meanwhile is read again. */
  async #claimLeft({ key }: Drop): Promise<Drop | undefined> {
    this.#left.delete(key);
    const release = await this.#options.locks.claim(lockName(key)).catch(() => () => undefined);
    if (!release) return undefined;
    const drops = await this.#restored();
    const drop = drops.find((each) => each.key === key);
    if (!drop || drop.isSettled) return void release();
    this.#left.delete(key);
    this.#claimed.set(drop, release);
    return drop;
  }

  /** Browsers ask the disk for the size and the time of each file: thousands are asked in more than one task. */
  async #describe(files: readonly SourceFile[]): Promise<Added[]> {
    const { clock } = this.#options;
    const described: Added[] = [];
    let began = clock.now();
    for (const file of files) {
      described.push({ file, member: memberOf(file) });
      if (clock.now() - began < SHARE) continue;
      await clock.wait(0);
      began = clock.now();
    }
    return described;
  }

  /** Gives files their places in a drop; returns those that have none in it. */
  #join(drop: Drop, files: readonly Added[], arrived: Set<SourceFile>): Added[] {
    const missing = drop.missing.length;
    const others: Added[] = [];
    for (const added of files) {
      const number = drop.findMissing(added.member);
      if (number === undefined) others.push(added);
      else this.#takePlace(added.file, { drop, number });
    }
    if (missing === 0 || (files.length - others.length) * 2 < missing) return others;
    return others.filter(({ file, member }) => {
      const isSettled = drop.find(member, (number) => drop.settled.has(number)) !== undefined;
      if (isSettled) arrived.add(file);
      return !isSettled;
    });
  }

  #begin(files: readonly Added[]): void {
    for (const { file, member } of files) {
      const drop = this.#dropFor(folderOf(member.path));
      const number = drop.add(member);
      this.#takePlace(file, { drop, number });
      this.#record(drop, number, member);
    }
  }

  #takePlace(file: SourceFile, place: Place): void {
    const { drop, number } = place;
    drop.underWay.add(number);
    file.key = keyOf(drop, number);
    this.#places.set(file, place);
  }

  /** The drop that a file of this folder joins: the newest, or a new one. */
  #dropFor(folder: string): Drop {
    const now = this.#options.clock.now();
    const last = this.#last;
    const isTogether = last && last.folder === folder && now - last.added < TOGETHER;
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
    drop.underWay.delete(number);
    if (drop.isSettled) this.#end(drop);
    else this.#note({ drop: drop.key, member: number, isSettled: true });
  }

  #end(drop: Drop): void {
    this.#claimed.get(drop)?.();
    this.#claimed.delete(drop);
    this.#left.delete(drop.key);
    void this.#forget(drop.key);
  }

  #note(change: MemberRecord): void {
    this.#changes.push(change);
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#flushing ??= this.#options.clock.alarm(GATHER, () => void this.flush());
  }

  async #forget(key: string): Promise<void> {
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

async function restored(journal: Journal): Promise<Drop[]> {
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

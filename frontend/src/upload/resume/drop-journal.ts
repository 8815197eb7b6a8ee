// The drops in the journal. Writes are gathered, because thousands of members change within a second. When the journal does
// not work, drops cannot be resumed; uploads continue. Must not know which tab has claimed a drop.
import type { Clock } from "../clock";
import type { DropRecord, Journal, Member, MemberRecord } from "../ports";
import { Drop } from "./drop";

/** Milliseconds for which changes are gathered, so that one write stores many. */
const FLUSH_DELAY = 250;

export class DropJournal {
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Not written yet, in order. */
  #records: DropRecord[] = [];
  #changes: MemberRecord[] = [];
  #cancelFlush: (() => void) | undefined;

  constructor({ journal, clock }: { journal: Journal; clock: Clock }) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Adds member `number` of a drop. */
  add({ key, began }: Drop, number: number, member: Member): void {
    const last = this.#records.at(-1);
    if (last?.drop === key) last.members.push(member);
    else this.#records.push({ drop: key, first: number, began, members: [member] });
    this.#flushSoon();
  }

  change(change: MemberRecord): void {
    this.#changes.push(change);
    this.#flushSoon();
  }

  /** Writes all changes now. */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const [records, changes] = [this.#records, this.#changes];
    if (records.length === 0 && changes.length === 0) return;
    [this.#records, this.#changes] = [[], []];
    await this.#journal.note(records, changes).catch(() => undefined);
  }

  /** Resolves with all drops, after it has written this page's changes. */
  async drops(): Promise<Drop[]> {
    await this.flush();
    const { records, changes } = await this.#journal.drops().catch(() => ({ records: [], changes: [] }));
    return restore(records, changes);
  }

  remove(key: string): void {
    this.#records = this.#records.filter(({ drop }) => drop !== key);
    this.#changes = this.#changes.filter(({ drop }) => drop !== key);
    this.#journal.removeDrop(key).catch(() => undefined);
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#clock.alarm(FLUSH_DELAY, () => void this.flush());
  }
}

function restore(records: DropRecord[], changes: readonly MemberRecord[]): Drop[] {
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

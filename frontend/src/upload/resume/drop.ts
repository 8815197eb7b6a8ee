// A drop: the files that a person added together, what became of each, and which of them a file that is chosen again
// is. Pure; must not know where a drop is kept, nor how files are sent.
import type { SourceFile } from "../settings";

/** A file of a drop, as it was when it was added. */
export type Member = {
  /** The folders it was in and its name, `photos/2024/a.jpg`; the name alone where it was picked by itself. */
  path: string;
  size: number;
  /** Milliseconds since 1970. */
  lastModified: number;
};

/** What files that were chosen again are to a drop; numbers are places in the list that was chosen. */
export type Chosen = {
  /** Those that are missing, as they were. */
  missing: number[];
  /** Those with the path of a member, and another size or time. */
  changed: number[];
  /** The numbers of the missing members that have changed: what they were is not missing any more. */
  replaced: number[];
  /** How many need not be sent again. */
  settled: number;
  /** How many are no members. */
  others: number;
};

export class Drop {
  /** Random: the members' idempotency keys begin with it. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly began: number;
  readonly members: Member[] = [];
  /** The uploads that were created, by the number of their member. */
  readonly ids = new Map<number, string>();
  /** Members that need nothing more: they arrived, failed for good, or were removed. */
  readonly settled = new Set<number>();
  /** Members that this page takes care of. */
  readonly underWay = new Set<number>();
  /** Whether an earlier page began it. */
  readonly isResumed: boolean;
  readonly #numbers = new Map<string, number[]>();

  constructor(key: string, began: number, isResumed: boolean) {
    this.key = key;
    this.began = began;
    this.isResumed = isResumed;
  }

  /** Adds a member; returns its number. */
  add(member: Member): number {
    const number = this.members.push(member) - 1;
    const identity = identityOf(member);
    const alike = this.#numbers.get(identity);
    if (alike) alike.push(number);
    else this.#numbers.set(identity, [number]);
    return number;
  }

  get isSettled(): boolean {
    return this.settled.size === this.members.length;
  }

  /** The numbers of the members that are not settled, and that this page does not take care of. */
  get missing(): number[] {
    return [...this.members.keys()].filter((number) => this.#isMissing(number));
  }

  /** A path may have more or fewer folders before it than it had: a folder can be chosen with or without its parent. */
  find(file: Member, isFree: (number: number) => boolean): number | undefined {
    const free = (this.#numbers.get(identityOf(file)) ?? []).filter(isFree);
    const same = free.find((number) => this.members[number]?.path === file.path);
    if (same !== undefined) return same;
    const alike = free.filter((number) => isWithin(this.members[number]?.path ?? "", file.path));
    return alike.length === 1 ? alike[0] : undefined;
  }

  /** The missing member that the file is. */
  findMissing(file: Member): number | undefined {
    return this.find(file, (number) => this.#isMissing(number));
  }

  /** Each file is at most one member, and each member one file. */
  choose(files: readonly Member[]): Chosen {
    const paths = new Map(this.members.map(({ path }, number) => [path, number]));
    const taken = new Set<number>();
    const chosen: Chosen = { missing: [], changed: [], replaced: [], settled: 0, others: 0 };
    for (const [place, file] of files.entries()) {
      const isFree = (number: number) => !taken.has(number);
      const number =
        this.find(file, (each) => isFree(each) && this.#isMissing(each)) ?? this.find(file, isFree);
      const former = paths.get(file.path);
      if (number !== undefined) taken.add(number);
      if (number !== undefined && this.#isMissing(number)) chosen.missing.push(place);
      else if (number !== undefined) chosen.settled++;
      else if (former === undefined) chosen.others++;
      else {
        chosen.changed.push(place);
        if (this.#isMissing(former)) chosen.replaced.push(former);
      }
    }
    return chosen;
  }

  #isMissing(number: number): boolean {
    return !this.settled.has(number) && !this.underWay.has(number);
  }
}

export function memberOf({ name, path, size, data, lastModified }: SourceFile): Member {
  return { path: path ?? name, size: size ?? data.size, lastModified: lastModified ?? 0 };
}

/** The outermost folder of a path; empty for a file that was picked by itself. */
export function folderOf(path: string): string {
  const start = path.startsWith("/") ? 1 : 0;
  const end = path.indexOf("/", start);
  return end < 0 ? "" : path.slice(start, end);
}

function identityOf({ path, size, lastModified }: Member): string {
  return `${size} ${lastModified} ${path.slice(path.lastIndexOf("/") + 1)}`;
}

function isWithin(a: string, b: string): boolean {
  return `/${a}`.endsWith(`/${b}`) || `/${b}`.endsWith(`/${a}`);
}

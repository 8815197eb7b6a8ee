// A drop: the files that a person added together, the state of each, and the comparison with files that the person picks
// again. Pure; must not know where a drop is kept, nor how files are sent.
import type { Member, SourceFile } from "../ports";

/** How the files that a person picked again compare with a drop. */
export type Chosen = {
  /** Indices of the picked files that are missing members, unchanged. */
  missing: number[];
  /** Indices of the picked files with the path of a member, but another size or time. */
  changed: number[];
  /** Numbers of the missing members that these replace: their former contents are not missing any more. */
  replaced: number[];
  /** How many picked files need not be sent again. */
  settled: number;
  /** How many picked files are no members. */
  others: number;
};

export class Drop {
  /** Random. The members' idempotency keys start with it. */
  readonly key: string;
  /** When it was added, in milliseconds since 1970. */
  readonly began: number;
  readonly members: Member[] = [];
  /** The ids of the uploads that were created, by member number. */
  readonly ids = new Map<number, string>();
  /** Members that need nothing more: they arrived, failed for good, or were removed. */
  readonly settled = new Set<number>();
  /** Members that this page is uploading. */
  readonly inProgress = new Set<number>();
  /** Whether an earlier page added it. */
  readonly isResumed: boolean;
  readonly #numbers = new Map<string, number[]>();

  constructor(key: string, began: number, isResumed: boolean) {
    this.key = key;
    this.began = began;
    this.isResumed = isResumed;
  }

  /** Adds a member and returns its number. */
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

  /** The numbers of the members that are not settled and that this page is not uploading. */
  get missing(): number[] {
    return [...this.members.keys()].filter((number) => this.#isMissing(number));
  }

  /**
   * Returns the number of the member that `file` is, among those that are free. The paths may differ by leading folders,
   * because a person can pick a folder with or without its parent.
   */
  find(file: Member, isFree: (number: number) => boolean): number | undefined {
    const free = (this.#numbers.get(identityOf(file)) ?? []).filter(isFree);
    const same = free.find((number) => this.members[number]?.path === file.path);
    if (same !== undefined) return same;
    const alike = free.filter((number) => isWithin(this.members[number]?.path ?? "", file.path));
    return alike.length === 1 ? alike[0] : undefined;
  }

  /** Returns the number of the missing member that `file` is. */
  findMissing(file: Member): number | undefined {
    return this.find(file, (number) => this.#isMissing(number));
  }

  /** Compares picked files with the drop. Each file matches at most one member, and each member at most one file. */
  choose(files: readonly Member[]): Chosen {
    const paths = new Map(this.members.map(({ path }, number) => [path, number]));
    const matched = new Set<number>();
    const chosen: Chosen = { missing: [], changed: [], replaced: [], settled: 0, others: 0 };
    for (const [index, file] of files.entries()) {
      const isFree = (number: number) => !matched.has(number);
      const number =
        this.find(file, (each) => isFree(each) && this.#isMissing(each)) ?? this.find(file, isFree);
      const namesake = paths.get(file.path);
      if (number !== undefined) matched.add(number);
      if (number !== undefined && this.#isMissing(number)) chosen.missing.push(index);
      else if (number !== undefined) chosen.settled++;
      else if (namesake === undefined) chosen.others++;
      else {
        chosen.changed.push(index);
        if (this.#isMissing(namesake)) chosen.replaced.push(namesake);
      }
    }
    return chosen;
  }

  #isMissing(number: number): boolean {
    return !this.settled.has(number) && !this.inProgress.has(number);
  }
}

export function memberOf({ name, path, size, data, lastModified }: SourceFile): Member {
  return { path: path ?? name, size: size ?? data.size, lastModified: lastModified ?? 0 };
}

/** Returns the outermost folder of a path; empty for a file that was picked by itself. */
export function folderOf(path: string): string {
  const start = path.startsWith("/") ? 1 : 0;
  const end = path.indexOf("/", start);
  return end < 0 ? "" : path.slice(start, end);
}

/** What stays the same when a file is picked again, apart from its folders. */
function identityOf({ path, size, lastModified }: Member): string {
  return `${size} ${lastModified} ${path.slice(path.lastIndexOf("/") + 1)}`;
}

/** Whether one path is the other with further leading folders. */
function isWithin(a: string, b: string): boolean {
  return `/${a}`.endsWith(`/${b}`) || `/${b}`.endsWith(`/${a}`);
}

// A drop: its missing members, and the comparison with files that are picked again.
import { describe, expect, test } from "vitest";
import type { Member } from "../../src/upload/ports";
import { Drop, folderOf } from "../../src/upload/resume/drop";

const member = (path: string, size = 1, lastModified = 7): Member => ({ path, size, lastModified });

function dropOf(...members: Member[]): Drop {
  const drop = new Drop("key", 0, true);
  for (const each of members) drop.add(each);
  return drop;
}

describe("a picked file matches", () => {
  const drop = dropOf(member("photos/a.jpg"), member("photos/2024/a.jpg"), member("photos/b.jpg", 2));

  test.each<[string, Member, number | undefined]>([
    ["by its path, size and time", member("photos/2024/a.jpg"), 1],
    ["not in another size", member("photos/b.jpg", 3), undefined],
    ["not with another time", member("photos/b.jpg", 2, 8), undefined],
    ["not under another name", member("photos/c.jpg", 2), undefined],
    ["in its folder without the folder's parent", member("2024/a.jpg"), 1],
    ["in its folder with another parent", member("old/photos/b.jpg", 2), 2],
    ["by its name alone, when only one member has it", member("b.jpg", 2), 2],
    ["not by its name alone, when two members have it", member("a.jpg"), undefined],
    ["not in a folder whose name only has the same end", member("my photos/b.jpg", 2), undefined],
  ])("%s", (_, file, number) => {
    expect(drop.find(file, () => true)).toBe(number);
  });
});

test("members that are settled or in progress are not missing", () => {
  const drop = dropOf(member("a"), member("b"), member("c"));
  drop.settled.add(0);
  drop.inProgress.add(1);
  expect(drop.missing).toEqual([2]);
  expect(drop.isSettled).toBe(false);
});

test("files that are picked again are compared with the members", () => {
  const drop = dropOf(member("d/a"), member("d/b"), member("d/c"), member("d/e"));
  drop.settled.add(0);
  const files = [member("d/a"), member("d/b"), member("d/c", 5), member("d/new"), member("d/e")];
  expect(drop.choose(files)).toEqual({ missing: [1, 4], changed: [2], replaced: [2], settled: 1, others: 1 });
});

test("files that differ only by folder match one member each", () => {
  const drop = dropOf(member("d/x/empty", 0), member("d/y/empty", 0));
  drop.settled.add(0);
  const files = [member("d/y/empty", 0), member("d/x/empty", 0)];
  expect(drop.choose(files)).toEqual({ missing: [0], changed: [], replaced: [], settled: 1, others: 0 });
});

test.each([
  ["photos/2024/a.jpg", "photos"],
  ["/photos/a.jpg", "photos"],
  ["a.jpg", ""],
])("the outermost folder of %s is %j", (path, folder) => {
  expect(folderOf(path)).toBe(folder);
});

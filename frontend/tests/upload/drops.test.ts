// Drops over pages and tabs: a missing file is kept in the journal, listed once, and sent once.
import { expect, test } from "vitest";
import type { SourceFile } from "../../src/upload/ports";
import type { Drop } from "../../src/upload/resume/drop";
import { Drops } from "../../src/upload/resume/drops";
import { RushingClock, settled } from "../fakes/clock";
import { fileOf } from "../fakes/cloud";
import { MemoryJournal, MemoryLocks } from "../fakes/memory";

/** A browser: its journal and the locks of its tabs. */
class Browser {
  readonly journal = new MemoryJournal();
  readonly locks = new MemoryLocks();
  readonly clock = new RushingClock();

  page(): Drops {
    return new Drops(this);
  }

  /** The page closes without time to write. */
  reload(): Drops {
    this.locks.held.clear();
    return this.page();
  }

  get isEmpty(): boolean {
    return this.journal.records.size === 0 && this.journal.changes.size === 0;
  }
}

function filesOf(count: number, folder = "photos/"): SourceFile[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${index}.jpg`;
    return { ...fileOf(10 + index, name), path: `${folder}${name}`, lastModified: 7 };
  });
}

/** A page closes when the first files of a drop have arrived. Resolves with the next page. */
async function leftAfter(browser: Browser, arrived: number, files = filesOf(6)): Promise<Drops> {
  const page = browser.page();
  await page.add(files);
  for (const file of files.slice(0, arrived)) page.settle(file);
  await page.flush();
  return browser.reload();
}

async function unfinished(drops: Drops): Promise<Drop[]> {
  await drops.read();
  return drops.unfinished;
}

async function missingOf(drops: Drops): Promise<number[][]> {
  return (await unfinished(drops)).map(({ missing }) => missing);
}

test("each file gets a key of its own, which contains its drop", async () => {
  const page = new Browser().page();
  const files = filesOf(3);
  await page.add(files);
  const keys = files.map(({ key }) => key ?? "");
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  expect(keys.map((key) => page.placeOf(key)?.number)).toEqual([0, 1, 2]);
});

test("the next page knows the missing files", async () => {
  const next = await leftAfter(new Browser(), 2);
  expect(await missingOf(next)).toEqual([[2, 3, 4, 5]]);
});

test("missing files are not listed while a tab sends them", async () => {
  const browser = new Browser();
  const page = browser.page();
  await page.add(filesOf(3));
  await page.flush();
  expect(await missingOf(page)).toEqual([]);
  expect(await missingOf(browser.page())).toEqual([]);
});

test("a drop without missing files is removed", async () => {
  const browser = new Browser();
  const page = browser.page();
  const files = filesOf(3);
  await page.add(files);
  await page.flush();
  for (const file of files) page.settle(file);
  await page.flush();
  await settled();
  expect(browser.isEmpty).toBe(true);
  expect(browser.locks.held.size).toBe(0);
});

test("members are written once, and many changes to them in one write", async () => {
  const browser = new Browser();
  const page = browser.page();
  const files = filesOf(5000);
  await page.add(files);
  browser.clock.ring();
  for (const file of files.slice(1)) {
    page.created(file, `id of ${file.name}`);
    page.settle(file);
  }
  browser.clock.ring();
  await settled();
  expect(browser.journal.notes).toEqual([1, 2 * 4999]);
  expect(browser.journal.records.size).toBe(1);
});

test("other tasks run while thousands of files are read", async () => {
  const browser = new Browser();
  const page = browser.page();
  const files = filesOf(30);
  for (const file of files)
    Object.defineProperty(file, "lastModified", {
      get: () => {
        browser.clock.time += 1; // a disk access takes this long
        return 7;
      },
    });
  await page.add(files);
  expect(browser.clock.waits).toEqual([0, 0, 0]);
});

test("files of one folder that are added one after another make one drop", async () => {
  const browser = new Browser();
  const page = browser.page();
  await page.add(filesOf(2, "photos/"));
  await page.add(filesOf(2, "photos/2024/"));
  await page.add(filesOf(2, "music/"));
  browser.clock.time += 1_000;
  await page.add(filesOf(2, "music/live/"));
  await page.flush();
  expect((await missingOf(browser.reload())).map(({ length }) => length).sort()).toEqual([2, 2, 4]);
});

test("a folder that is added again fills its missing members, and skips files that arrived", async () => {
  const browser = new Browser();
  const first = filesOf(6);
  const next = await leftAfter(browser, 2, first);
  const again = filesOf(6);
  const skipped = await next.add(again);
  expect([...skipped]).toEqual(again.slice(0, 2));
  expect(again.slice(2).map(({ key }) => key)).toEqual(first.slice(2).map(({ key }) => key));
  for (const file of again.slice(2)) next.settle(file);
  await next.flush();
  expect(browser.isEmpty).toBe(true);
});

test("a single missing file becomes its member again; the others stay missing", async () => {
  const next = await leftAfter(new Browser(), 2);
  const [file] = filesOf(6).slice(3);
  await next.add(file ? [file] : []);
  expect(await missingOf(next)).toEqual([[2, 4, 5]]);
});

test("a file that arrived is sent again when the person adds it without the missing files", async () => {
  const next = await leftAfter(new Browser(), 2);
  const again = filesOf(6).slice(0, 2);
  expect(await next.add(again)).toEqual(new Set());
  expect(again.every((file) => next.isRecorded(file))).toBe(true);
});

test("a drop that another tab has resumed meanwhile stays there", async () => {
  const browser = new Browser();
  const next = await leftAfter(browser, 2);
  const [drop] = await unfinished(next);
  const other = browser.page();
  await other.add(filesOf(6));
  expect(await next.claim(drop?.key ?? "")).toBeUndefined();
  expect(await next.add(filesOf(6))).toEqual(new Set());
});

test("a claimed drop includes the changes of another tab", async () => {
  const browser = new Browser();
  const next = await leftAfter(browser, 2);
  const [drop] = await unfinished(next);
  const other = browser.page();
  const files = filesOf(6);
  await other.add(files);
  for (const file of files.slice(0, 5)) other.settle(file);
  await other.flush();
  browser.locks.held.clear();
  expect((await next.claim(drop?.key ?? ""))?.missing).toEqual([5]);
});

test.each([
  [30 * 24 * 3_600_000, 1],
  [30 * 24 * 3_600_000 + 1, 0],
])("after %i ms this number of drops remains: %i", async (age, count) => {
  const browser = new Browser();
  const next = await leftAfter(browser, 2);
  browser.clock.time += age;
  expect(await missingOf(next)).toHaveLength(count);
  expect(browser.isEmpty).toBe(count === 0);
});

test("a journal that does not work stops no upload", async () => {
  const browser = new Browser();
  browser.journal.broken = true;
  const page = browser.page();
  const files = filesOf(3);
  expect(await page.add(files)).toEqual(new Set());
  for (const file of files) page.settle(file);
  await page.flush();
  expect(await unfinished(page)).toEqual([]);
});

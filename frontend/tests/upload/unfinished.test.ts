// The unfinished drops and files that the next page lists: each file once, whether it is large or small.
import { expect, test } from "vitest";
import type { Engine } from "../../src/upload/engine";
import { NetworkError } from "../../src/upload/errors";
import type { SourceFile } from "../../src/upload/ports";
import { memberOf } from "../../src/upload/resume/drop";
import { settled } from "../fakes/clock";
import { Cloud, fileOf, json, problem } from "../fakes/cloud";

const small = (name: string): SourceFile => ({
  ...fileOf(10, name),
  path: `photos/${name}`,
  lastModified: 7,
});
const large = (): SourceFile => ({ ...fileOf(200, "film.mov"), path: "photos/film.mov", lastModified: 7 });
const names = ["a.jpg", "b.jpg", "c.jpg"];

/** A page adds a folder, does `before`, and closes. Resolves with the engine of the next page. */
async function leftAfter(
  cloud: Cloud,
  files: SourceFile[],
  before: (engine: Engine) => Promise<void> = async () => undefined,
): Promise<Engine> {
  const engine = cloud.engine();
  await engine.drop(files);
  await before(engine);
  await engine.flush();
  cloud.reload();
  cloud.calls.length = 0;
  return cloud.engine();
}

/** Sends only three parts of the file. */
function sendThreeParts(cloud: Cloud, file: SourceFile): (engine: Engine) => Promise<void> {
  return async (engine) => {
    cloud.gate = ({ number }) => (number <= 3 ? Promise.resolve() : new Promise(() => undefined));
    void engine.upload(file).run();
    while (cloud.journal.parts.get("u1")?.size !== 3) await settled();
    cloud.gate = () => Promise.resolve();
  };
}

/** Sends these files completely. */
function send(...files: SourceFile[]): (engine: Engine) => Promise<void> {
  return async (engine) => {
    for (const file of files) await engine.upload(file).run();
  };
}

test("the missing files of a folder are one row", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  const engine = await leftAfter(cloud, files, send(...files.slice(0, 1)));
  const { files: alone, drops } = await engine.unfinished();
  expect(alone).toEqual([]);
  expect(drops).toEqual([
    {
      ...{ key: expect.any(String), began: expect.any(Number), folder: "photos", filename: "b.jpg" },
      ...{ count: 3, missing: [1, 2], size: 20, sent: 0, files: [] },
    },
  ]);
});

test("a folder that was sent is not listed", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  const engine = await leftAfter(cloud, files, send(...files));
  expect(await engine.unfinished()).toEqual({ files: [], drops: [] });
  expect(cloud.journal.records.size + cloud.journal.changes.size).toBe(0);
});

test("a file that turns out to have arrived is not missing, after one call of the API", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  const engine = await leftAfter(cloud, files, async (before) => {
    cloud.gate = () => new Promise(() => undefined);
    for (const file of files.slice(0, 2)) void before.upload(file).run();
    while (cloud.journal.changes.size < 2) await settled().then(() => before.flush());
  });
  const uploaded = { upload: { id: "u1", state: "uploaded" } };
  cloud.apiFault = (call) =>
    call === "POST /uploads/complete"
      ? json(200, { uploads: [uploaded, { problem: { code: "parts_missing" } }] })
      : undefined;
  expect((await engine.unfinished()).drops[0]?.missing).toEqual([1, 2]);
  expect((await engine.unfinished()).drops[0]?.missing).toEqual([1, 2]);
  expect(cloud.calls).toEqual(["POST /uploads/complete"]);
});

test("without a response from the API the journal decides", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  const engine = await leftAfter(cloud, files, async (before) => {
    cloud.gate = () => new Promise(() => undefined);
    for (const file of files.slice(0, 1)) void before.upload(file).run();
    while (cloud.journal.changes.size < 1) await settled().then(() => before.flush());
  });
  cloud.apiFault = () => {
    throw new NetworkError("no answer");
  };
  expect((await engine.unfinished()).drops[0]?.missing).toEqual([0, 1, 2]);
});

test("a large file is listed with its folder", async () => {
  const cloud = new Cloud();
  const film = large();
  const engine = await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  const { files, drops } = await engine.unfinished();
  expect(files).toEqual([]);
  expect(drops[0]).toMatchObject({ missing: [0, 1, 2, 3], size: 230, sent: 30, files: [{ id: "u1" }] });
});

test("a large file that one click resumes is listed by itself, and not counted in its drop", async () => {
  const cloud = new Cloud();
  const handle = { kind: "file", name: "film.mov" } as FileSystemFileHandle;
  const film: SourceFile = { ...large(), handle: () => handle };
  const engine = await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  const { files, drops } = await engine.unfinished();
  expect(files).toMatchObject([{ id: "u1", sent: 30 }]);
  expect(drops[0]).toMatchObject({ missing: [0, 1, 2], size: 30, sent: 0, files: [] });
});

test("a large file that is the only missing one is listed by itself, until it is sent", async () => {
  const cloud = new Cloud();
  const film = large();
  const first = small("a.jpg");
  const engine = await leftAfter(cloud, [first, film], async (before) => {
    await send(first)(before);
    await sendThreeParts(cloud, film)(before);
  });
  expect(await engine.unfinished()).toMatchObject({ files: [{ id: "u1" }], drops: [] });
  const added = large();
  expect((await engine.drop([small("a.jpg"), added])).size).toBe(1);
  await engine.upload(added).run();
  expect(await engine.unfinished()).toEqual({ files: [], drops: [] });
});

test("a large file that is resumed alone leaves its folder", async () => {
  const cloud = new Cloud();
  const film = large();
  const engine = await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  const { path: _, ...alone } = large();
  await engine.drop([alone]);
  await engine.upload(alone).run();
  expect(await engine.unfinished()).toMatchObject({ files: [], drops: [{ missing: [0, 1, 2] }] });
});

test("a large file that was completed meanwhile leaves its folder", async () => {
  const cloud = new Cloud();
  const film = large();
  const engine = await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  if (cloud.upload) cloud.upload.state = "accepted";
  expect(await engine.unfinished()).toMatchObject({ files: [], drops: [{ missing: [0, 1, 2] }] });
});

test("a large file whose parts S3 no longer has stays missing", async () => {
  const cloud = new Cloud();
  const film = large();
  const engine = await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  cloud.upload = undefined;
  expect(await engine.unfinished()).toMatchObject({
    files: [],
    drops: [{ missing: [0, 1, 2, 3], sent: 0, files: [] }],
  });
});

test("a discarded drop is removed, with the uploads that were created for it", async () => {
  const cloud = new Cloud();
  const film = large();
  await leftAfter(cloud, [...names.map(small), film], sendThreeParts(cloud, film));
  const removed: string[] = [];
  const engine = cloud.engine({}, { removed: (id) => void removed.push(id) });
  const [drop] = (await engine.unfinished()).drops;
  if (drop) await engine.discardDrop(drop);
  expect(cloud.calls).toContain("DELETE /uploads/u1");
  expect(removed).toEqual(["u1"]);
  expect(await engine.unfinished()).toEqual({ files: [], drops: [] });
  expect(cloud.journal.records.size + cloud.journal.entries.size).toBe(0);
});

test("a drop is resumed with files that are picked again; the former contents of changed ones are discarded", async () => {
  const cloud = new Cloud();
  const [first, second, third] = names.map(small) as [SourceFile, SourceFile, SourceFile];
  const film = large();
  const engine = await leftAfter(cloud, [first, second, third, film], async (before) => {
    await send(first)(before);
    await sendThreeParts(cloud, film)(before);
  });
  const [drop] = (await engine.unfinished()).drops;
  const stranger = small("new.jpg");
  const changed = { ...large(), lastModified: 9 };
  const chosen = drop && (await engine.resumeDrop(drop, [first, second, stranger, changed].map(memberOf)));
  expect(chosen).toEqual({ missing: [1], changed: [3], replaced: [3], settled: 1, others: 1 });
  await settled();
  expect(cloud.calls).toContain("DELETE /uploads/u1");
  expect(await engine.unfinished()).toMatchObject({ files: [], drops: [{ missing: [1, 2] }] });
});

test.each([
  [413, true],
  [403, false],
])("a file that the API refuses with %i needs nothing more: %s", async (status, isSettled) => {
  const cloud = new Cloud();
  const [first, ...others] = names.map(small) as [SourceFile, ...SourceFile[]];
  cloud.apiFault = () => problem(status, "refused");
  const engine = await leftAfter(cloud, [first, ...others], async (before) => {
    await before
      .upload(first)
      .run()
      .catch(() => undefined);
  });
  expect((await engine.unfinished()).drops[0]?.missing).toEqual(isSettled ? [1, 2] : [0, 1, 2]);
});

test("a file that is cancelled needs nothing more", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  const engine = await leftAfter(cloud, files, async (before) => {
    for (const file of files.slice(0, 2)) await before.upload(file).cancel();
  });
  expect((await engine.unfinished()).drops[0]?.missing).toEqual([2]);
});

test("the listener receives the number of files that are skipped because they had arrived", async () => {
  const cloud = new Cloud();
  const files = names.map(small);
  await leftAfter(cloud, files, send(...files.slice(0, 1)));
  const skipped: number[] = [];
  const engine = cloud.engine({}, { skipped: (count) => void skipped.push(count) });
  await engine.drop(names.map(small));
  expect(skipped).toEqual([1]);
});

// Resuming a file that an earlier page left unfinished: after a reload, with other settings, in another tab.
import { expect, test } from "vitest";
import type { CreatedUpload } from "../../src/upload/api/contract";
import type { Engine } from "../../src/upload/engine";
import type { SourceFile } from "../../src/upload/ports";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, problem } from "../fakes/cloud";

/** A page sends the first parts of a file and closes. */
async function leftAfter(cloud: Cloud, parts: number, file: SourceFile = fileOf(200)) {
  cloud.gate = ({ number }) => (number <= parts ? Promise.resolve() : new Promise(() => undefined));
  void cloud.engine().upload(file).run();
  while (cloud.stored.size < parts || cloud.journal.parts.get("u1")?.size !== parts) await settled();
  cloud.reload();
  cloud.gate = () => Promise.resolve();
  cloud.calls.length = 0;
  cloud.puts.length = 0;
  cloud.hashed = 0;
  return file;
}

async function unfinishedFiles(engine: Engine) {
  return (await engine.unfinished()).files;
}

async function same(cloud: Cloud, file: { data: Blob }): Promise<boolean> {
  const [a, b] = await Promise.all([cloud.object.text(), file.data.text()]);
  return a === b;
}

test("after a reload the parts that S3 has are not sent again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  const progress: number[] = [];
  await cloud
    .engine()
    .upload(file, (sent) => void progress.push(sent))
    .run();
  expect(cloud.puts.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, index) => index + 9),
  );
  expect(count(cloud, "POST /uploads")).toBe(0);
  expect(progress[0]).toBe(80);
  expect(progress.at(-1)).toBe(200);
  expect(await same(cloud, file)).toBe(true);
});

test("parts that an earlier page hashed are not hashed again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  await cloud.engine().upload(file).run();
  // The other parts, and once the file's two ends together, for its fingerprint.
  expect(cloud.hashed).toBe(12 + 1);
});

test("a resumed upload keeps its part size when the settings have changed", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  cloud.partSizeOfNew = 25;
  await cloud.engine().upload(file).run();
  expect(new Set(cloud.puts.map(({ size }) => size))).toEqual(new Set([10]));
  expect(await same(cloud, file)).toBe(true);
});

test("a part that S3 has in another size is sent again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  cloud.stored.set(5, new Blob(["short"]));
  await cloud.engine().upload(file).run();
  expect(cloud.puts.map(({ number }) => number)).toContain(5);
  expect(await same(cloud, file)).toBe(true);
});

test("another file of the same name gets its own upload", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 8);
  const other = { ...fileOf(200), lastModified: 5 };
  await cloud.engine().upload(other).run();
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(cloud.puts).toHaveLength(20);
});

test.each([404, 410])("an upload that is gone (%i) is created again automatically", async (status) => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  cloud.stored.clear();
  let isGone = true;
  cloud.apiFault = (call) => {
    if (call === "POST /uploads") isGone = false;
    const isConcerned = status === 404 ? call === "GET /uploads/u1" : call.endsWith("/parts");
    return isGone && isConcerned ? problem(status, "upload_expired") : undefined;
  };
  await cloud.engine().upload(file).run();
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(await same(cloud, file)).toBe(true);
});

test("an upload that was completed after the page closed is not sent again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  if (cloud.upload) cloud.upload.state = "accepted";
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("accepted");
  expect(cloud.puts).toEqual([]);
  expect(cloud.journal.entries.size).toBe(0);
});

test("a completed upload is removed from the journal", async () => {
  const cloud = new Cloud();
  await cloud.engine().upload(fileOf(200)).run();
  expect(cloud.journal.entries.size).toBe(0);
  expect(cloud.journal.parts.size).toBe(0);
  expect(cloud.locks.held.size).toBe(0);
});

test("a cancelled upload is removed from the journal", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const upload = cloud.engine().upload(fileOf(200));
  const run = upload.run().catch(() => undefined);
  while (cloud.puts.length === 0) await settled();
  await upload.cancel();
  await run;
  expect(cloud.journal.entries.size).toBe(0);
});

test("a failed upload stays in the journal, and a retry sends the rest", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }) => (number === 20 ? 400 : undefined);
  const upload = cloud.engine().upload(fileOf(200));
  await expect(upload.run()).rejects.toMatchObject({ status: 400 });
  expect(cloud.journal.entries.size).toBe(1);
  cloud.fault = () => undefined;
  await upload.run();
  expect(cloud.puts.filter(({ number }) => number < 10)).toHaveLength(9);
});

test("a file that another tab is sending is refused until that tab closes", async () => {
  const cloud = new Cloud();
  const file = fileOf(200);
  cloud.gate = () => new Promise(() => undefined);
  void cloud.engine().upload(file).run();
  while (cloud.puts.length === 0) await settled();
  await expect(cloud.engine().upload(file).run()).rejects.toMatchObject({ name: "InAnotherTab" });
  cloud.reload();
  cloud.gate = () => Promise.resolve();
  await cloud.engine().upload(file).run();
  expect(cloud.stored.size).toBe(20);
});

test("a file that one tab sends twice makes two uploads", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  const file = fileOf(200);
  const runs = [engine.upload(file).run(), engine.upload(file).run()];
  await Promise.allSettled(runs);
  expect(count(cloud, "POST /uploads")).toBe(2);
});

test("the upload succeeds when the journal does not work", async () => {
  const cloud = new Cloud();
  cloud.journal.broken = true;
  const file = fileOf(200);
  await cloud.engine().upload(file).run();
  expect(await same(cloud, file)).toBe(true);
});

test("small files are not in the journal, because sending them is faster", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  void cloud.engine().upload(fileOf(20)).run();
  while (cloud.puts.length === 0) await settled();
  expect(cloud.journal.entries.size).toBe(0);
});

test("unfinished uploads are listed and can be discarded", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  const engine = cloud.engine();
  const [entry, ...others] = await unfinishedFiles(engine);
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ id: "u1", filename: "a.bin", size: 200, sent: 30 });
  if (entry) await engine.discard(entry);
  expect(await unfinishedFiles(engine)).toEqual([]);
  expect(cloud.calls).toContain("DELETE /uploads/u1");
});

test("an upload that another tab is sending is not listed", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  const [entry] = await unfinishedFiles(cloud.engine());
  await cloud.locks.claim(`hoist ${entry?.fingerprint}`);
  expect(await unfinishedFiles(cloud.engine())).toEqual([]);
  expect(cloud.journal.entries.size).toBe(1);
});

test("an upload that the API has closed is not listed, and leaves the journal", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  cloud.upload = undefined;
  expect(await unfinishedFiles(cloud.engine())).toEqual([]);
  expect(cloud.journal.entries.size).toBe(0);
});

test("an upload is listed when the API does not respond", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  cloud.apiFault = () => problem(500, "internal");
  expect(await unfinishedFiles(cloud.engine())).toHaveLength(1);
});

test("the newest handle of the file is kept", async () => {
  const cloud = new Cloud();
  const first = { kind: "file", name: "first" } as FileSystemFileHandle;
  const second = { kind: "file", name: "second" } as FileSystemFileHandle;
  await leftAfter(cloud, 3, { ...fileOf(200), handle: () => first });
  expect((await unfinishedFiles(cloud.engine()))[0]?.handle).toEqual(first);
  cloud.gate = () => new Promise(() => undefined);
  void cloud
    .engine()
    .upload({ ...fileOf(200), handle: () => second })
    .run();
  while (cloud.puts.length === 0) await settled();
  cloud.reload();
  expect((await unfinishedFiles(cloud.engine()))[0]?.handle).toEqual(second);
});

// -- how long S3 keeps the parts ------------------------------------------------------------------------------------

const DAYS = 7 * 24 * 3_600_000;

const deadlineOf = (upload: CreatedUpload) =>
  upload.strategy === "multipart" ? upload.parts_expire_at : undefined;

test("the time when S3 drops the parts reaches the listener, and stays in the journal", async () => {
  const cloud = new Cloud();
  cloud.partsLife = DAYS;
  const expected = new Date(cloud.clock.time + DAYS).toISOString();
  const file = await leftAfter(cloud, 3);
  cloud.clock.time += 3_600_000;
  const events: unknown[] = [];
  const engine = cloud.engine({}, { created: (upload) => void events.push(deadlineOf(upload)) });
  expect((await unfinishedFiles(engine))[0]?.parts_expire_at).toBe(expected);
  await engine.upload(file).run();
  expect(events).toEqual([expected]);
});

test.each([
  [200, true],
  [20, false],
])("a new upload of %i bytes has this time for the listener: %s", async (size, hasTime) => {
  const cloud = new Cloud();
  cloud.partsLife = DAYS;
  const events: unknown[] = [];
  const listener = { created: (created: object) => void events.push("parts_expire_at" in created) };
  await cloud.engine({}, listener).upload(fileOf(size)).run();
  expect(events).toEqual([hasTime]);
});

test("an upload is resumed when the API does not report this time", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 3);
  const engine = cloud.engine();
  expect((await unfinishedFiles(engine))[0]).not.toHaveProperty("parts_expire_at");
  await engine.upload(file).run();
  expect(await same(cloud, file)).toBe(true);
});

test.each(["aborted", 404] as const)(
  "an upload that is %s when it is resumed reports that it starts again",
  async (end) => {
    const cloud = new Cloud();
    const file = await leftAfter(cloud, 3);
    cloud.stored.clear();
    if (end === 404) cloud.upload = undefined;
    else if (cloud.upload) cloud.upload.state = end;
    const restarted: string[] = [];
    await cloud
      .engine({}, { restarted: ({ name }) => void restarted.push(name) })
      .upload(file)
      .run();
    expect(restarted).toEqual(["a.bin"]);
  },
);

test("an upload that was completed meanwhile, or is new, reports no such start", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 3);
  if (cloud.upload) cloud.upload.state = "accepted";
  const restarted: string[] = [];
  const engine = cloud.engine({}, { restarted: ({ name }) => void restarted.push(name) });
  await engine.upload(file).run();
  await engine.upload(fileOf(300)).run();
  expect(restarted).toEqual([]);
});

// A file that an earlier page left unfinished goes on: after a reload, with other settings, in another tab.
import { expect, test } from "vitest";
import type { CreatedUpload } from "../../src/upload/api/contract";
import type { Engine } from "../../src/upload/engine";
import type { SourceFile } from "../../src/upload/ports";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, problem } from "../fakes/cloud";

/** A page that sends the first parts of a file and is then gone. */
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

async function left(engine: Engine) {
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

test("what was hashed before is not hashed again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  await cloud.engine().upload(file).run();
  // The rest, and the file's two ends, together, to recognise it.
  expect(cloud.hashed).toBe(12 + 1);
});

test("the part size belongs to the upload: other settings of today change nothing", async () => {
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

test("another file of the same name begins anew", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 8);
  const other = { ...fileOf(200), lastModified: 5 };
  await cloud.engine().upload(other).run();
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(cloud.puts).toHaveLength(20);
});

test.each([404, 410])("what S3 has forgotten (%i) begins anew by itself", async (status) => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  cloud.stored.clear();
  let forgotten = true;
  cloud.apiFault = (call) => {
    if (call === "POST /uploads") forgotten = false;
    const asked = status === 404 ? call === "GET /uploads/u1" : call.endsWith("/parts");
    return forgotten && asked ? problem(status, "upload_expired") : undefined;
  };
  await cloud.engine().upload(file).run();
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(await same(cloud, file)).toBe(true);
});

test("what was finished while nobody looked is not sent again", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 8);
  if (cloud.upload) cloud.upload.state = "accepted";
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("accepted");
  expect(cloud.puts).toEqual([]);
  expect(cloud.journal.entries.size).toBe(0);
});

test("what is finished is forgotten", async () => {
  const cloud = new Cloud();
  await cloud.engine().upload(fileOf(200)).run();
  expect(cloud.journal.entries.size).toBe(0);
  expect(cloud.journal.parts.size).toBe(0);
  expect(cloud.locks.held.size).toBe(0);
});

test("what is cancelled is forgotten", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const upload = cloud.engine().upload(fileOf(200));
  const run = upload.run().catch(() => undefined);
  while (cloud.puts.length === 0) await settled();
  await upload.cancel();
  await run;
  expect(cloud.journal.entries.size).toBe(0);
});

test("what has failed is remembered, and a retry sends the rest", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }) => (number === 20 ? 400 : undefined);
  const upload = cloud.engine().upload(fileOf(200));
  await expect(upload.run()).rejects.toMatchObject({ status: 400 });
  expect(cloud.journal.entries.size).toBe(1);
  cloud.fault = () => undefined;
  await upload.run();
  expect(cloud.puts.filter(({ number }) => number < 10)).toHaveLength(9);
});

test("a file that another tab is sending is refused, until that tab is gone", async () => {
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

test("a file that one tab sends twice is two uploads", async () => {
  const cloud = new Cloud();
  const engine = cloud.engine();
  const file = fileOf(200);
  const runs = [engine.upload(file).run(), engine.upload(file).run()];
  await Promise.allSettled(runs);
  expect(count(cloud, "POST /uploads")).toBe(2);
});

test("a journal that does not work costs the resuming, not the upload", async () => {
  const cloud = new Cloud();
  cloud.journal.broken = true;
  const file = fileOf(200);
  await cloud.engine().upload(file).run();
  expect(await same(cloud, file)).toBe(true);
});

test("small files are not remembered: they are sent faster than that", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  void cloud.engine().upload(fileOf(20)).run();
  while (cloud.puts.length === 0) await settled();
  expect(cloud.journal.entries.size).toBe(0);
});

test("the unfinished are listed newest first, and can be given up", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  const engine = cloud.engine();
  const [entry, ...others] = await left(engine);
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ id: "u1", filename: "a.bin", size: 200, sent: 30 });
  if (entry) await engine.discard(entry);
  expect(await left(engine)).toEqual([]);
  expect(cloud.calls).toContain("DELETE /uploads/u1");
});

test("what another tab is sending is not offered", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  const [entry] = await left(cloud.engine());
  await cloud.locks.claim(`hoist ${entry?.fingerprint}`);
  expect(await left(cloud.engine())).toEqual([]);
  expect(cloud.journal.entries.size).toBe(1);
});

test("what the API no longer has open is not offered, and is forgotten", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  cloud.upload = undefined;
  expect(await left(cloud.engine())).toEqual([]);
  expect(cloud.journal.entries.size).toBe(0);
});

test("without an answer from the API it is offered", async () => {
  const cloud = new Cloud();
  await leftAfter(cloud, 3);
  cloud.apiFault = () => problem(500, "internal");
  expect(await left(cloud.engine())).toHaveLength(1);
});

test("the newest way to the file is kept", async () => {
  const cloud = new Cloud();
  const first = { kind: "file", name: "first" } as FileSystemFileHandle;
  const second = { kind: "file", name: "second" } as FileSystemFileHandle;
  await leftAfter(cloud, 3, { ...fileOf(200), handle: () => first });
  expect((await left(cloud.engine()))[0]?.handle).toEqual(first);
  cloud.gate = () => new Promise(() => undefined);
  void cloud
    .engine()
    .upload({ ...fileOf(200), handle: () => second })
    .run();
  while (cloud.puts.length === 0) await settled();
  cloud.reload();
  expect((await left(cloud.engine()))[0]?.handle).toEqual(second);
});

// -- how long S3 keeps the parts ------------------------------------------------------------------------------------

const DAYS = 7 * 24 * 3_600_000;

const deadlineOf = (upload: CreatedUpload) =>
  upload.strategy === "multipart" ? upload.parts_expire_at : undefined;

test("the moment when S3 drops the parts is handed on, and remembered for another day", async () => {
  const cloud = new Cloud();
  cloud.partsLife = DAYS;
  const expected = new Date(cloud.clock.time + DAYS).toISOString();
  const file = await leftAfter(cloud, 3);
  cloud.clock.time += 3_600_000;
  const heard: unknown[] = [];
  const engine = cloud.engine({}, { created: (upload) => void heard.push(deadlineOf(upload)) });
  expect((await left(engine))[0]?.parts_expire_at).toBe(expected);
  await engine.upload(file).run();
  expect(heard).toEqual([expected]);
});

test.each([
  [200, true],
  [20, false],
])("a new upload of %i bytes says it to the listener: %s", async (size, isSaid) => {
  const cloud = new Cloud();
  cloud.partsLife = DAYS;
  const heard: unknown[] = [];
  const listener = { created: (created: object) => void heard.push("parts_expire_at" in created) };
  await cloud.engine({}, listener).upload(fileOf(size)).run();
  expect(heard).toEqual([isSaid]);
});

test("an API that does not say when the parts are dropped is no obstacle", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 3);
  const engine = cloud.engine();
  expect((await left(engine))[0]).not.toHaveProperty("parts_expire_at");
  await engine.upload(file).run();
  expect(await same(cloud, file)).toBe(true);
});

test.each(["aborted", 404] as const)(
  "what is %s when it is taken up says that it begins anew",
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

test("what was finished meanwhile, or is new, does not begin anew", async () => {
  const cloud = new Cloud();
  const file = await leftAfter(cloud, 3);
  if (cloud.upload) cloud.upload.state = "accepted";
  const restarted: string[] = [];
  const engine = cloud.engine({}, { restarted: ({ name }) => void restarted.push(name) });
  await engine.upload(file).run();
  await engine.upload(fileOf(300)).run();
  expect(restarted).toEqual([]);
});

import { type Body, type Meta, Uppy, type UppyFile } from "@uppy/core";
import { expect, test, vi } from "vitest";
import type { Waiting } from "../../src/upload/engine";
import { NetworkError } from "../../src/upload/errors";
import { HoistUploader } from "../../src/uppy/uploader";
import { Cloud, fileOf, problem } from "../fakes/cloud";

function page(cloud: Cloud, options: { onWaiting?: (waiting: Waiting[]) => void } = {}) {
  const uppy = new Uppy<Meta, Body>({ logger: { debug() {}, warn() {}, error() {} } });
  const describe = (error: unknown) => `Sorry: ${(error as Error).message}`;
  uppy.use(HoistUploader<Meta, Body>, { engine: cloud.engine(), describe, ...options });
  const events: string[] = [];
  uppy.on("upload-start", (files) => events.push(`start ${files.length}`));
  uppy.on("upload-success", (file) => events.push(`success ${file?.name}`));
  uppy.on("upload-error", (file, { message }) => events.push(`error ${file?.name} ${message}`));
  const add = (size: number, name = "a.bin") => uppy.addFile({ name, data: fileOf(size).data });
  return { uppy, events, add };
}

const progressOf = (file: UppyFile<Meta, Body>) => [file.progress.percentage, file.progress.bytesUploaded];

test.each([0, 5, 300])("Uppy sees a file of %i bytes start, move and succeed", async (size) => {
  const { uppy, events, add } = page(new Cloud());
  const id = add(size);
  const result = await uppy.upload();
  expect(events).toEqual(["start 1", "success a.bin"]);
  expect(progressOf(uppy.getFile(id))).toEqual([100, size]);
  expect(result?.successful).toHaveLength(1);
});

test("Uppy gets progress after a second, then at intervals, and for the last byte", async () => {
  const cloud = new Cloud();
  const { uppy, add } = page(cloud);
  let time = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => time);
  cloud.gate = async () => {
    time += 100;
  };
  const progress: [number, number][] = [];
  uppy.on("upload-progress", (_, { bytesUploaded }) => progress.push([time, bytesUploaded]));
  cloud.answerGate = async () => {
    if (cloud.stored.size === 30) await vi.waitFor(() => expect(progress.at(-1)?.[1]).toBe(300), 5_000);
  };
  add(300);
  await uppy.upload();
  clock.mockRestore();
  const times = progress.filter(([, bytes]) => bytes < 300).map(([at]) => at);
  expect(times[0]).toBeGreaterThanOrEqual(1000);
  expect(times.length).toBeGreaterThan(3);
  const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(150);
  expect(progress.at(-1)?.[1]).toBe(300);
});

test("Uppy gets one success for each of many small files", async () => {
  const { uppy, events, add } = page(new Cloud());
  for (let each = 0; each < 60; each++) add(5, `${each}.bin`);
  const result = await uppy.upload();
  expect(result?.successful).toHaveLength(60);
  expect(new Set(events).size).toBe(61);
  expect(events).toHaveLength(61);
});

test("a failure reaches Uppy with its explanation, and Uppy's retry resumes the upload", async () => {
  const cloud = new Cloud();
  cloud.apiFault = (call) => (call.endsWith("/complete") ? problem(403, "forbidden") : undefined);
  const { uppy, events, add } = page(cloud);
  const id = add(300);
  expect((await uppy.upload())?.failed).toHaveLength(1);
  expect(events.at(-1)).toBe("error a.bin Sorry: Detail of forbidden");
  cloud.apiFault = () => undefined;
  await uppy.retryUpload(id);
  expect(events.at(-1)).toBe("success a.bin");
  expect(cloud.puts).toHaveLength(30);
});

test("removing a file in Uppy aborts its upload without an error", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const { uppy, events, add } = page(cloud);
  const id = add(300);
  const done = uppy.upload();
  await vi.waitFor(() => expect(cloud.puts.length).toBeGreaterThan(0));
  expect(uppy.getPlugin<HoistUploader<Meta, Body>>("HoistUploader")?.fileOf("u1")).toBe(id);
  uppy.removeFile(id);
  await done;
  await vi.waitFor(() => expect(cloud.calls).toContain("DELETE /uploads/u1"));
  expect(events).toEqual(["start 1"]);
});

test("Uppy's pause and resume stop and start sending", async () => {
  const cloud = new Cloud();
  let open = false;
  cloud.gate = () => (open ? Promise.resolve() : new Promise(() => undefined));
  const { uppy, events, add } = page(cloud);
  const id = add(300);
  const done = uppy.upload();
  await vi.waitFor(() => expect(cloud.puts.length).toBeGreaterThan(0));
  uppy.pauseResume(id);
  await vi.waitFor(() => expect([...cloud.inFlight.values()]).toEqual([0, 0]));
  open = true;
  uppy.pauseResume(id);
  await done;
  expect(events.at(-1)).toBe("success a.bin");
});

test("cancelling all files aborts every upload", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const { uppy, add } = page(cloud);
  add(300);
  const done = uppy.upload();
  await vi.waitFor(() => expect(cloud.puts.length).toBeGreaterThan(0));
  uppy.cancelAll();
  await done;
  await vi.waitFor(() => expect(cloud.calls).toContain("DELETE /uploads/u1"));
});

/** The API has answered this page before, and is silent for the first minute of an upload. */
function silent(cloud: Cloud): void {
  cloud.wasReached = true;
  const end = cloud.clock.time + 60_000;
  cloud.apiFault = () => {
    if (cloud.clock.time < end) throw new NetworkError("no answer");
    return undefined;
  };
}

test("while the API does not answer, Uppy's informer shows why uploads wait", async () => {
  const cloud = new Cloud();
  silent(cloud);
  const { uppy, events, add } = page(cloud);
  const informed: unknown[] = [];
  uppy.on("info-visible", () => informed.push(uppy.getState().info.at(-1)?.message));
  add(300);
  await uppy.upload();
  expect(informed).toEqual(["Sorry: POST /uploads: no answer"]);
  expect(events.at(-1)).toBe("success a.bin");
});

test("a page that shows outages itself is notified when uploads start and stop waiting", async () => {
  const cloud = new Cloud();
  silent(cloud);
  const notified: string[][] = [];
  const onWaiting = (waiting: Waiting[]) => void notified.push(waiting.map(({ service }) => service));
  const { uppy, add } = page(cloud, { onWaiting });
  const informed = vi.fn();
  uppy.on("info-visible", informed);
  add(300);
  await uppy.upload();
  expect(notified).toEqual([["api"], []]);
  expect(informed).not.toHaveBeenCalled();
});

test("a plugin that was removed reports nothing", async () => {
  const cloud = new Cloud();
  silent(cloud);
  const engine = cloud.engine();
  const uppy = new Uppy<Meta, Body>({ logger: { debug() {}, warn() {}, error() {} } });
  const onWaiting = vi.fn();
  uppy.use(HoistUploader<Meta, Body>, { engine, describe: String, onWaiting });
  uppy.destroy();
  await engine.upload(fileOf(300)).run();
  expect(onWaiting).not.toHaveBeenCalled();
});

const inFolder = (name: string) => ({
  name,
  data: fileOf(15, name).data,
  meta: { relativePath: `photos/${name}` },
});

test("files that are added together are one drop that keeps their folders", async () => {
  const cloud = new Cloud();
  cloud.gate = () => new Promise(() => undefined);
  const { uppy } = page(cloud);
  uppy.addFiles([inFolder("a.jpg"), inFolder("b.jpg")]);
  void uppy.upload();
  await vi.waitFor(() => expect(cloud.puts.length).toBe(2));
  cloud.clock.ring();
  await vi.waitFor(() => expect(cloud.journal.records.size).toBe(1));
  const [record] = cloud.journal.records.values();
  expect(record?.members.map(({ path }) => path)).toEqual(["photos/a.jpg", "photos/b.jpg"]);
});

test("a file that arrived on an earlier page succeeds without being sent again", async () => {
  const cloud = new Cloud();
  const earlier = cloud.engine();
  const files = ["a.jpg", "b.jpg"].map((name) => ({ ...fileOf(15, name), path: `photos/${name}` }));
  await earlier.drop(files);
  for (const file of files.slice(0, 1)) await earlier.upload(file).run();
  await earlier.flush();
  cloud.reload();
  cloud.puts.length = 0;
  const { uppy, events } = page(cloud);
  uppy.addFiles([inFolder("a.jpg"), inFolder("b.jpg")]);
  await uppy.upload();
  expect(events).toEqual(["start 2", "success a.jpg", "success b.jpg"]);
  expect(cloud.puts).toHaveLength(1);
  expect(cloud.journal.records.size).toBe(0);
});

test("a file that is removed while its drop is recorded is not sent", async () => {
  const cloud = new Cloud();
  const { uppy } = page(cloud);
  const id = uppy.addFile(inFolder("a.jpg"));
  uppy.addFile(inFolder("b.jpg"));
  uppy.on("upload-start", () => uppy.removeFile(id));
  await uppy.upload();
  expect(cloud.puts).toHaveLength(1);
  expect(cloud.journal.records.size).toBe(0);
});

test("files that are paused while their drop is recorded wait until they are resumed", async () => {
  const cloud = new Cloud();
  const { uppy, events } = page(cloud);
  for (const name of ["a.jpg", "b.jpg"]) uppy.addFile(inFolder(name));
  uppy.on("upload-start", () => queueMicrotask(() => uppy.pauseAll()));
  const done = uppy.upload();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(cloud.puts).toHaveLength(0);
  uppy.resumeAll();
  await done;
  expect(events.slice(-2)).toEqual(["success a.jpg", "success b.jpg"]);
});

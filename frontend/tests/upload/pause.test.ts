// A pause: which parts are finished, which are aborted, and which are sent after the resume.
import { expect, test, vi } from "vitest";
import { Cancelled, Paused } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, json, numbers } from "../fakes/cloud";
import { MIB, sending } from "../fakes/sending";

const open = () => Promise.resolve();
const shut = () => new Promise<void>(() => undefined);

/** An upload of six parts. Some are more than half sent, and a gate stops the rest of each. */
async function halfway(mostlySent = 2) {
  const cloud = new Cloud();
  let openGate = () => {};
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  cloud.headStart = ({ number }) => (number <= mostlySent ? 0.6 : 0.4);
  cloud.gate = ({ number }) => (number <= mostlySent ? gate : shut());
  const progress: number[] = [];
  const engine = cloud.engine({ filesAtOnce: 1 });
  const upload = engine.upload(fileOf(60), (sent) => progress.push(sent));
  const run = upload.run();
  await vi.waitFor(() => expect(cloud.puts).toHaveLength(6));
  const finish = async () => {
    openGate();
    await vi.waitUntil(() => (cloud.journal.parts.get("u1")?.size ?? 0) >= mostlySent, { timeout: 5_000 });
    await settled();
  };
  return { cloud, engine, upload, run, progress, finish };
}

test("a pause finishes parts that are more than half sent and aborts the others, and the progress falls", async () => {
  const { cloud, upload, progress, finish } = await halfway();
  expect(progress.at(-1)).toBe(6 + 6 + 4 * 4);
  upload.pause();
  await settled();
  expect(Math.min(...progress.slice(-4))).toBe(6 + 6);
  await finish();
  expect([...cloud.stored.keys()]).toEqual([1, 2]);
  expect(progress.at(-1)).toBe(20);
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a resume after that lists the parts and sends the missing ones in order", async () => {
  const { cloud, upload, run, finish } = await halfway();
  upload.pause();
  await finish();
  cloud.gate = open;
  cloud.puts.length = 0;
  upload.resume();
  await run;
  expect(count(cloud, "GET /uploads/u1/parts")).toBe(1);
  expect(cloud.puts.map(({ number }) => number)).toEqual([3, 4, 5, 6]);
});

test("a resume meanwhile sends no part twice that is being finished", async () => {
  const { cloud, upload, run, finish } = await halfway();
  upload.pause();
  await settled();
  cloud.gate = open;
  upload.resume();
  await settled();
  await finish();
  await run;
  expect(numbers(cloud)).toEqual([1, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
});

test("a file whose last parts arrive in a pause is completed when it is resumed", async () => {
  const { cloud, upload, run, finish } = await halfway(6);
  upload.pause();
  await finish();
  expect(cloud.stored.size).toBe(6);
  expect(count(cloud, "POST /uploads/u1/complete")).toBe(0);
  upload.resume();
  expect((await run).state).toBe("uploaded");
  expect(cloud.puts).toHaveLength(6);
});

test("a cancel ends at once while parts are being finished", async () => {
  const { cloud, upload, run } = await halfway();
  upload.pause();
  await settled();
  await Promise.all([upload.cancel(), expect(run).rejects.toBeInstanceOf(Cancelled)]);
  expect(count(cloud, "DELETE /uploads/u1")).toBe(1);
  expect(cloud.stored.size).toBe(0);
});

test("a paused file does not block others once its parts are finished", async () => {
  const { cloud, engine, upload, finish } = await halfway();
  upload.pause();
  await finish();
  cloud.gate = open;
  cloud.apiFault = (call) => (call.endsWith("/complete") ? json(200, { state: "uploaded" }) : undefined);
  await engine.upload(fileOf(5, "other.bin")).run();
});

test("a part that takes longer than 15 s to finish is aborted", async () => {
  const { line, pause, sender, run, arrived } = sending(60, { rate: MIB / 2 });
  await line.pass(7); // the first of two seconds for all, then 2.5 of 5 MiB for one
  line.rate = MIB / 16;
  pause.on();
  sender.pause();
  await line.pass(14);
  expect(line.inFlight).toBe(1);
  await line.pass(2);
  await expect(run).rejects.toBeInstanceOf(Paused);
  expect([line.inFlight, arrived]).toEqual([0, []]);
});

test("on a slow line, a pause before the first arrival still finishes one part", async () => {
  const { line, pause, sender, run, arrived } = sending(60, { rate: MIB / 2 });
  await line.pass(9);
  pause.on();
  sender.pause();
  await line.pass(10);
  await expect(run).rejects.toBeInstanceOf(Paused);
  expect(arrived).toHaveLength(1);
});

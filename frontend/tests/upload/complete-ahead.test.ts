// Complete is asked when the last byte has left, before S3 has answered for it: what is gained, and what must not be
// lost when the two cross.
import { expect, test, vi } from "vitest";
import { NetworkError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, json, numbers, type Put } from "../fakes/cloud";

const COMPLETE = "POST /uploads/u1/complete";

/** S3's answer for the last of six parts comes when `holds`; then `lost` says whether it is heard. */
function lastAnswer(cloud: Cloud, holds: () => boolean, lost = false): void {
  let first = true;
  cloud.answerGate = async ({ number }: Put) => {
    if (number !== 6 || !first) return;
    first = false;
    await vi.waitUntil(holds, { interval: 1 });
    if (lost) throw new NetworkError("lost");
  };
}

test("complete is asked while the answer for the last part is on its way", async () => {
  const cloud = new Cloud();
  lastAnswer(cloud, () => cloud.calls.includes(COMPLETE));
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(count(cloud, COMPLETE)).toBe(1);
});

test("it is not asked while any byte is still here", async () => {
  const cloud = new Cloud();
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  cloud.gate = ({ number }) => (number === 2 ? held : Promise.resolve());
  const run = cloud.engine().upload(fileOf(60)).run();
  await vi.waitUntil(() => cloud.stored.size === 5);
  for (let turn = 0; turn < 5; turn++) await settled();
  expect(count(cloud, COMPLETE)).toBe(0);
  go();
  expect((await run).state).toBe("uploaded");
});

test("a single PUT is completed when S3 has answered", async () => {
  const cloud = new Cloud();
  let answered = false;
  cloud.answerGate = async () => {
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(count(cloud, COMPLETE)).toBe(0);
    answered = true;
  };
  await cloud.engine().upload(fileOf(20)).run();
  expect(answered).toBe(true);
});

test("a part whose answer is lost after the parts became an object does not begin the upload anew", async () => {
  const cloud = new Cloud();
  lastAnswer(cloud, () => cloud.upload?.state === "uploaded", true);
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(count(cloud, COMPLETE)).toBe(1);
});

test("so it is when the answer of complete is lost as well", async () => {
  const cloud = new Cloud();
  lastAnswer(cloud, () => cloud.upload?.state === "uploaded", true);
  cloud.apiFault = (call) => {
    if (call !== COMPLETE || count(cloud, COMPLETE) > 1) return undefined;
    if (cloud.upload) cloud.upload.state = "uploaded";
    throw new NetworkError("lost");
  };
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(count(cloud, "POST /uploads")).toBe(1);
});

test("what was asked ahead and waited in vain is asked again when the part has arrived", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }, attempt) => (number === 6 && attempt === 1 ? 500 : undefined);
  cloud.gate = async ({ number }) => {
    // The second try takes longer than complete waits.
    if (number === 6 && cloud.puts.filter((put) => put.number === 6).length === 2)
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, COMPLETE)).toBe(2);
});

test("a part that S3 received otherwise is sent again, whatever complete said of it meanwhile", async () => {
  const cloud = new Cloud();
  cloud.corrupt = ({ number }, attempt) => number === 6 && attempt === 1;
  lastAnswer(cloud, () => cloud.calls.includes(COMPLETE));
  const file = fileOf(60);
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("uploaded");
  expect(await cloud.object.text()).toBe(await file.data.text());
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, "POST /uploads")).toBe(1);
});

test("a pause while complete is asked loses nothing: whoever goes on is told that it is done", async () => {
  const cloud = new Cloud();
  lastAnswer(cloud, () => false);
  const upload = cloud.engine().upload(fileOf(60));
  const run = upload.run();
  await vi.waitUntil(() => cloud.upload?.state === "uploaded");
  upload.pause();
  await settled();
  upload.resume();
  expect((await run).state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("asked ahead and answered 202, it is watched as ever", async () => {
  const cloud = new Cloud();
  let looks = 0;
  cloud.apiFault = (call) => {
    if (call === COMPLETE) return json(202, { id: "u1", state: "uploading" });
    if (call !== "GET /uploads/u1") return undefined;
    return json(200, { id: "u1", state: ++looks < 5 ? "uploading" : "accepted" });
  };
  lastAnswer(cloud, () => cloud.calls.includes(COMPLETE));
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("accepted");
  expect(count(cloud, COMPLETE)).toBe(1);
});

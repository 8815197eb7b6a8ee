// The early call of complete: it is made when the last byte has left, before S3 has responded to the last part. Both may
// overtake each other.
import { expect, test, vi } from "vitest";
import { NetworkError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, count, fileOf, json, numbers, type Put } from "../fakes/cloud";

const COMPLETE = "POST /uploads/u1/complete";

/** S3 responds to the last of six parts when `holds` returns true; with `isLost`, its response is lost. */
function delayLastResponse(cloud: Cloud, holds: () => boolean, isLost = false): void {
  let first = true;
  cloud.answerGate = async ({ number }: Put) => {
    if (number !== 6 || !first) return;
    first = false;
    await vi.waitUntil(holds, { interval: 1 });
    if (isLost) throw new NetworkError("lost");
  };
}

test("complete is called while the response to the last part is in flight", async () => {
  const cloud = new Cloud();
  delayLastResponse(cloud, () => cloud.calls.includes(COMPLETE));
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(count(cloud, COMPLETE)).toBe(1);
});

test("it is not called while any byte has not left", async () => {
  const cloud = new Cloud();
  let go = () => {};
  const hold = new Promise<void>((resolve) => {
    go = resolve;
  });
  cloud.gate = ({ number }) => (number === 2 ? hold : Promise.resolve());
  const run = cloud.engine().upload(fileOf(60)).run();
  await vi.waitUntil(() => cloud.stored.size === 5);
  for (let turn = 0; turn < 5; turn++) await settled();
  expect(count(cloud, COMPLETE)).toBe(0);
  go();
  expect((await run).state).toBe("uploaded");
});

test("a file that is sent whole is not completed", async () => {
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

test("the upload does not start again when the response to a part is lost after S3 assembled the object", async () => {
  const cloud = new Cloud();
  delayLastResponse(cloud, () => cloud.upload?.state === "uploaded", true);
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, "POST /uploads")).toBe(1);
  expect(count(cloud, COMPLETE)).toBe(1);
});

test("it does not start again either when the response to complete is lost too", async () => {
  const cloud = new Cloud();
  delayLastResponse(cloud, () => cloud.upload?.state === "uploaded", true);
  cloud.apiFault = (call) => {
    if (call !== COMPLETE || count(cloud, COMPLETE) > 1) return undefined;
    if (cloud.upload) cloud.upload.state = "uploaded";
    throw new NetworkError("lost");
  };
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(count(cloud, "POST /uploads")).toBe(1);
});

test("complete is called again when the early call timed out before the part arrived", async () => {
  const cloud = new Cloud();
  cloud.fault = ({ number }, attempt) => (number === 6 && attempt === 1 ? 500 : undefined);
  cloud.gate = async ({ number }) => {
    // The second attempt takes longer than the API waits.
    if (number === 6 && cloud.puts.filter((put) => put.number === 6).length === 2)
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, COMPLETE)).toBe(2);
});

test("a part that S3 received damaged is sent again, whatever the early call resulted in", async () => {
  const cloud = new Cloud();
  cloud.corrupt = ({ number }, attempt) => number === 6 && attempt === 1;
  delayLastResponse(cloud, () => cloud.calls.includes(COMPLETE));
  const file = fileOf(60);
  const upload = await cloud.engine().upload(file).run();
  expect(upload.state).toBe("uploaded");
  expect(await cloud.object.text()).toBe(await file.data.text());
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6, 6]);
  expect(count(cloud, "POST /uploads")).toBe(1);
});

test("a pause during complete loses nothing: the resumed upload is completed", async () => {
  const cloud = new Cloud();
  delayLastResponse(cloud, () => false);
  const upload = cloud.engine().upload(fileOf(60));
  const run = upload.run();
  await vi.waitUntil(() => cloud.upload?.state === "uploaded");
  upload.pause();
  await settled();
  upload.resume();
  expect((await run).state).toBe("uploaded");
  expect(numbers(cloud)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("an early call with response 202 is followed by polling", async () => {
  const cloud = new Cloud();
  let looks = 0;
  cloud.apiFault = (call) => {
    if (call === COMPLETE) return json(202, { id: "u1", state: "uploading" });
    if (call !== "GET /uploads/u1") return undefined;
    return json(200, { id: "u1", state: ++looks < 5 ? "uploading" : "accepted" });
  };
  delayLastResponse(cloud, () => cloud.calls.includes(COMPLETE));
  const upload = await cloud.engine().upload(fileOf(60)).run();
  expect(upload.state).toBe("accepted");
  expect(count(cloud, COMPLETE)).toBe(1);
});

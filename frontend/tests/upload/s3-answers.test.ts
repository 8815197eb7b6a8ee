// How the engine reacts to S3's error responses to a part: it waits, sends again, requests a new sheet, or fails.
import { expect, test } from "vitest";
import { Cloud, count, type Fault, fileOf, numbers } from "../fakes/cloud";
import type { S3Answer } from "../fakes/s3-answers";

const SHEET = "POST /uploads/u1/sheet";
const ONCE: S3Answer[] = [
  "RequestTimeout",
  "InternalError",
  "SlowDown",
  "ServiceUnavailable",
  "IncompleteBody",
  "IncompleteBodyShort",
  "BadDigest",
  "OperationAborted",
  "ConditionalRequestConflict",
];

/** Part 3 meets `fault` this many times. */
function meets(fault: Fault, times: number, number = 3): Cloud {
  const cloud = new Cloud();
  cloud.fault = (put, attempt) => (put.number === number && attempt <= times ? fault : undefined);
  return cloud;
}

test.each(ONCE)("a part that meets %s once is sent again, alone, with the same sheet", async (answer) => {
  const cloud = meets(answer, 1);
  await cloud.engine().upload(fileOf(60)).run();
  expect(numbers(cloud)).toEqual([1, 2, 3, 3, 4, 5, 6]);
  expect(count(cloud, SHEET)).toBe(0);
});

test.each<S3Answer>(["RequestTimeout", "InternalError", "SlowDown", "ServiceUnavailable"])(
  "an upload waits through an hour of %s for every part",
  async (answer) => {
    const cloud = new Cloud();
    const end = cloud.clock.time + 3_600_000;
    cloud.fault = () => (cloud.clock.time < end ? answer : undefined);
    await cloud.engine().upload(fileOf(200)).run();
    expect(cloud.stored.size).toBe(20);
    expect(cloud.puts.length).toBeLessThan(20 + 12 + 130);
  },
);

test("a part that S3 receives damaged twice ends the upload", async () => {
  const cloud = meets("BadDigest", 2, 1);
  await expect(cloud.engine().upload(fileOf(30)).run()).rejects.toMatchObject({ code: "BadDigest" });
  expect(cloud.puts.filter(({ number }) => number === 1)).toHaveLength(2);
});

test("each part may be damaged once", async () => {
  const cloud = new Cloud();
  cloud.fault = (_, attempt) => (attempt === 1 ? "BadDigest" : undefined);
  await cloud.engine().upload(fileOf(60)).run();
  expect(cloud.puts).toHaveLength(12);
});

test.each<S3Answer>(["ExpiredToken", "InvalidToken", "ExpiredUrl", "RequestTimeTooSkewed"])(
  "after %s, one new sheet is requested, with `refused`",
  async (answer) => {
    const cloud = new Cloud();
    cloud.fault = () => (cloud.sheetRequests.length > 0 ? undefined : answer);
    await cloud.engine().upload(fileOf(120)).run();
    expect(cloud.sheetRequests).toEqual([{ first: 1, refused: true }]);
    expect(cloud.stored.size).toBe(12);
  },
);

test("credentials that expire during an upload are replaced by new ones", async () => {
  const cloud = new Cloud();
  let isOver = false;
  cloud.gate = async ({ number }) => {
    if (number < 20 || isOver) return;
    isOver = true;
    cloud.expireCredentials();
  };
  const upload = await cloud.engine().upload(fileOf(400)).run();
  expect(upload.state).toBe("uploaded");
  expect(cloud.sheetRequests).toEqual([{ first: 1, refused: true }]);
});

test("a sheet whose credentials had expired from the start is replaced", async () => {
  const cloud = new Cloud();
  cloud.expireCredentials();
  const upload = await cloud.engine().upload(fileOf(30)).run();
  expect(upload.state).toBe("uploaded");
  expect(cloud.sheetRequests).toEqual([{ first: 1, refused: true }]);
});

test("a sheet that does not cover a part is requested without `refused`", async () => {
  const cloud = new Cloud();
  cloud.sheetSize = 4;
  await cloud.engine().upload(fileOf(120)).run();
  expect(cloud.sheetRequests.length).toBeGreaterThan(0);
  expect(cloud.sheetRequests.filter((request) => "refused" in (request as object))).toEqual([]);
});

test.each<S3Answer>(["EntityTooLarge", "InvalidRequest"])("%s ends the upload at once", async (answer) => {
  const cloud = meets(answer, 1);
  await expect(cloud.engine().upload(fileOf(60)).run()).rejects.toMatchObject({ code: answer });
  expect(cloud.puts.filter(({ number }) => number === 3)).toHaveLength(1);
});

test("412 for a part of a multipart upload is not a success", async () => {
  const cloud = meets("PreconditionFailed", 1);
  await expect(cloud.engine().upload(fileOf(60)).run()).rejects.toMatchObject({ status: 412 });
});

import { expect, test } from "vitest";
import { type Change, compareTimes, Uploads } from "../../src/page/uploads/upload-store";
import type { State, Upload } from "../../src/upload/api/contract";

const at = (microseconds: number) => `2030-01-01T00:00:00.${String(microseconds).padStart(6, "0")}+00:00`;

function upload(state: State, time: number, id = "u1"): Upload {
  const created_at = at(0);
  return {
    id,
    state,
    created_at,
    updated_at: at(time),
    filename: "a",
    size: 1,
    content_type: null,
    key: "k",
  };
}

function model() {
  const changes: Change[] = [];
  return { changes, uploads: new Uploads((change) => changes.push(change)) };
}

test("the states of a row are those seen, in order, each once", () => {
  const { uploads } = model();
  const states: State[] = ["uploading", "uploaded", "uploaded", "processing", "accepted"];
  for (const [index, state] of states.entries()) uploads.apply(upload(state, index), "live");
  expect(uploads.get("u1")?.states.join(" ")).toBe("uploading uploaded processing accepted");
});

test("an older message does not overwrite a newer one", () => {
  const { uploads, changes } = model();
  uploads.apply(upload("accepted", 5), "live");
  uploads.apply(upload("processing", 4), "answer");
  expect(uploads.get("u1")?.upload.state).toBe("accepted");
  expect(changes).toHaveLength(1);
});

test("anything is newer than what has no time yet", () => {
  const { uploads } = model();
  uploads.apply({ ...upload("uploading", 0), updated_at: "" }, "answer");
  uploads.apply(upload("uploaded", 0), "answer");
  expect(uploads.get("u1")?.upload.state).toBe("uploaded");
});

test("what this page sent is no longer uploading, whatever the API has heard of yet", () => {
  const { uploads } = model();
  const known = () => uploads.get("u1")?.upload;
  uploads.apply(upload("uploading", 2), "answer"); // a list was read meanwhile
  uploads.apply({ ...upload("uploaded", 0), created_at: at(9), updated_at: "" }, "answer");
  expect(known()).toEqual({ ...upload("uploaded", 2) });
  uploads.apply(upload("uploading", 3), "answer");
  expect(known()?.state).toBe("uploaded");
  uploads.apply(upload("processing", 4), "live");
  expect(known()?.state).toBe("processing");
});

test("what the API said first is not overwritten by what this page sees later", () => {
  const { uploads } = model();
  uploads.apply(upload("accepted", 5), "live");
  uploads.apply({ ...upload("uploaded", 0), updated_at: "" }, "answer");
  expect(uploads.get("u1")?.upload.state).toBe("accepted");
});

test("an outcome is told once, and not for what was there before", () => {
  const { uploads, changes } = model();
  uploads.apply(upload("accepted", 1, "old"), "answer");
  uploads.apply(upload("processing", 1), "answer");
  uploads.apply(upload("rejected", 2), "live");
  uploads.apply(upload("rejected", 2), "answer");
  uploads.apply(upload("failed", 3, "elsewhere"), "live");
  const outcomes = changes.map((change) => change.kind === "shown" && change.outcome);
  expect(outcomes).toEqual([false, false, true, false, true]);
});

test("aborted uploads are not shown, and what was removed does not come back", () => {
  const { uploads, changes } = model();
  uploads.apply(upload("aborted", 1, "never"), "answer");
  uploads.apply(upload("processing", 1), "live");
  uploads.remove("u1");
  uploads.apply(upload("accepted", 9), "live");
  expect(uploads.size).toBe(0);
  expect(changes.map(({ kind }) => kind)).toEqual(["shown", "gone"]);
});

test.each([
  ["2030-01-01T00:00:00.000001Z", "2030-01-01T00:00:00.000002Z"],
  ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000001Z"],
  ["2030-01-01T00:00:00.9Z", "2030-01-01T00:00:01+00:00"],
  ["2030-01-01T00:00:00.999999+00:00", "2030-01-01T00:00:01.000000Z"],
  ["", "2030-01-01T00:00:00Z"],
])("%s is before %s", (a, b) => {
  expect(compareTimes(a, b)).toBeLessThan(0);
  expect(compareTimes(b, a)).toBeGreaterThan(0);
  expect(compareTimes(a, a)).toBe(0);
});

import { expect, test } from "vitest";
import { type Change, compareTimes, UploadStore } from "../../src/page/uploads/upload-store";
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

function start() {
  const changes: Change[] = [];
  return { changes, store: new UploadStore((change) => changes.push(change)) };
}

test("a row has the states of its upload in order, each once", () => {
  const { store } = start();
  const states: State[] = ["uploading", "uploaded", "uploaded", "processing", "accepted"];
  for (const [index, state] of states.entries()) store.apply(upload(state, index), "live");
  expect(store.get("u1")?.states.join(" ")).toBe("uploading uploaded processing accepted");
});

test("an older message does not overwrite a newer state", () => {
  const { store, changes } = start();
  store.apply(upload("accepted", 5), "live");
  store.apply(upload("processing", 4), "response");
  expect(store.get("u1")?.upload.state).toBe("accepted");
  expect(changes).toHaveLength(1);
});

test("an update without a time is older than all others", () => {
  const { store } = start();
  store.apply({ ...upload("uploading", 0), updated_at: "" }, "response");
  store.apply(upload("uploaded", 0), "response");
  expect(store.get("u1")?.upload.state).toBe("uploaded");
});

test("a file that this page has sent does not become uploading again", () => {
  const { store } = start();
  const current = () => store.get("u1")?.upload;
  store.apply(upload("uploading", 2), "response"); // a list was read meanwhile
  store.apply({ ...upload("uploaded", 0), created_at: at(9), updated_at: "" }, "response");
  expect(current()).toEqual({ ...upload("uploaded", 2) });
  store.apply(upload("uploading", 3), "response");
  expect(current()?.state).toBe("uploaded");
  store.apply(upload("processing", 4), "live");
  expect(current()?.state).toBe("processing");
});

test("an outcome of the API is not overwritten by an update without a time", () => {
  const { store } = start();
  store.apply(upload("accepted", 5), "live");
  store.apply({ ...upload("uploaded", 0), updated_at: "" }, "response");
  expect(store.get("u1")?.upload.state).toBe("accepted");
});

test("an outcome is reported once, and not for uploads that were listed with one", () => {
  const { store, changes } = start();
  store.apply(upload("accepted", 1, "old"), "response");
  store.apply(upload("processing", 1), "response");
  store.apply(upload("rejected", 2), "live");
  store.apply(upload("rejected", 2), "response");
  store.apply(upload("failed", 3, "elsewhere"), "live");
  const outcomes = changes.map((change) => change.kind === "updated" && change.isOutcome);
  expect(outcomes).toEqual([false, false, true, false, true]);
});

test("aborted uploads are not shown, and removed uploads do not return", () => {
  const { store, changes } = start();
  store.apply(upload("aborted", 1, "never"), "response");
  store.apply(upload("processing", 1), "live");
  store.remove("u1");
  store.apply(upload("accepted", 9), "live");
  expect(store.size).toBe(0);
  expect(changes.map(({ kind }) => kind)).toEqual(["updated", "removed"]);
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

import { expect, test } from "vitest";
import { UploadPages } from "../../src/page/uploads/upload-pages";
import { UploadStore } from "../../src/page/uploads/upload-store";
import type { State, Upload } from "../../src/upload/api/contract";
import { ApiError } from "../../src/upload/errors";

function upload(number: number, state: State = "accepted"): Upload {
  const time = `2030-01-01T00:00:${String(number).padStart(2, "0")}.000000Z`;
  const id = `u${number}`;
  return {
    id,
    state,
    created_at: time,
    updated_at: time,
    filename: id,
    size: 1,
    content_type: null,
    key: id,
  };
}

/** Reads from an API that has these uploads, newest first, two to a page. */
function pagesOf(uploads: Upload[]) {
  const requests: string[] = [];
  const store = new UploadStore(() => undefined);
  const api = {
    list: async ({ cursor = "0" }: { cursor?: string } = {}) => {
      requests.push(`list ${cursor}`);
      const start = Number(cursor);
      const more = uploads.length > start + 2;
      return { uploads: uploads.slice(start, start + 2), cursor: more ? String(start + 2) : null };
    },
    get: async (id: string) => {
      requests.push(`get ${id}`);
      const upload = uploads.find((each) => each.id === id);
      if (!upload) throw new ApiError(404, { code: "upload_not_found" });
      return upload;
    },
  };
  return { requests, store, pages: new UploadPages(api, store) };
}

test("the first page is read, then one more page at a time", async () => {
  const { pages, store } = pagesOf([5, 4, 3, 2, 1].map((number) => upload(number)));
  await pages.refresh();
  expect([store.size, pages.hasMore]).toEqual([2, true]);
  await pages.more();
  await pages.more();
  expect([store.size, pages.hasMore]).toEqual([5, false]);
});

test("after live updates were interrupted, pages are read until a known upload comes", async () => {
  const uploads = [upload(1)];
  const { pages, store, requests } = pagesOf(uploads);
  await pages.refresh();
  uploads.unshift(...[6, 5, 4, 3, 2].map((number) => upload(number)));
  await pages.refresh();
  expect(store.size).toBe(6);
  expect(requests).toEqual(["list 0", "list 0", "list 2", "list 4"]);
});

test("uploads without an outcome are read one by one, and removed when they no longer exist", async () => {
  const uploads = [upload(4), upload(3), upload(2, "processing"), upload(1, "uploaded")];
  const { pages, store } = pagesOf(uploads);
  await pages.refresh();
  await pages.more();
  uploads.splice(2, 2, { ...upload(2), updated_at: upload(9).updated_at });
  await pages.refresh();
  expect(store.get("u2")?.upload.state).toBe("accepted");
  expect(store.has("u1")).toBe(false);
});

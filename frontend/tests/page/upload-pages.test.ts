import { expect, test } from "vitest";
import { Listing } from "../../src/page/uploads/upload-pages";
import { Uploads } from "../../src/page/uploads/upload-store";
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

/** An API that lists these, newest first, two to a page. */
function listingOf(held: Upload[]) {
  const asked: string[] = [];
  const uploads = new Uploads(() => undefined);
  const api = {
    list: async ({ cursor = "0" }: { cursor?: string } = {}) => {
      asked.push(`list ${cursor}`);
      const start = Number(cursor);
      const more = held.length > start + 2;
      return { uploads: held.slice(start, start + 2), cursor: more ? String(start + 2) : null };
    },
    get: async (id: string) => {
      asked.push(`get ${id}`);
      const found = held.find((each) => each.id === id);
      if (!found) throw new ApiError(404, { code: "upload_not_found" });
      return found;
    },
  };
  return { asked, uploads, listing: new Listing(api, uploads) };
}

test("the first page is read, then one more at a time", async () => {
  const { listing, uploads } = listingOf([5, 4, 3, 2, 1].map((number) => upload(number)));
  await listing.refresh();
  expect([uploads.size, listing.hasMore]).toEqual([2, true]);
  await listing.more();
  await listing.more();
  expect([uploads.size, listing.hasMore]).toEqual([5, false]);
});

test("after the line was down, pages are read until something known comes", async () => {
  const held = [upload(1)];
  const { listing, uploads, asked } = listingOf(held);
  await listing.refresh();
  held.unshift(...[6, 5, 4, 3, 2].map((number) => upload(number)));
  await listing.refresh();
  expect(uploads.size).toBe(6);
  expect(asked).toEqual(["list 0", "list 0", "list 2", "list 4"]);
});

test("what had no outcome and is not on the page is asked after; what is gone goes", async () => {
  const held = [upload(4), upload(3), upload(2, "processing"), upload(1, "uploaded")];
  const { listing, uploads } = listingOf(held);
  await listing.refresh();
  await listing.more();
  held.splice(2, 2, { ...upload(2), updated_at: upload(9).updated_at });
  await listing.refresh();
  expect(uploads.get("u2")?.upload.state).toBe("accepted");
  expect(uploads.has("u1")).toBe(false);
});

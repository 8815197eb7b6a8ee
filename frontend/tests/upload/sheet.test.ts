import { expect, test } from "vitest";
import type { Sheet } from "../../src/upload/contract";
import { partHost, partUrl, Sheets } from "../../src/upload/sheet";
import { RushingClock } from "../fakes/clock";

const signal = new AbortController().signal;

function sheet(changes: Partial<Sheet> = {}): Sheet {
  return {
    urls: [
      "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d",
      "https://b.s3.dualstack.test/k?X-Amz-Date=d",
    ],
    first: 1,
    signatures: ["aa", "bb", "cc"],
    expires_at: "2030-01-01T01:00:00.000000Z",
    ...changes,
  };
}

test.each([
  [1, "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d&partNumber=1&X-Amz-Signature=aa"],
  [2, "https://b.s3.dualstack.test/k?X-Amz-Date=d&partNumber=2&X-Amz-Signature=bb"],
  [3, "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d&partNumber=3&X-Amz-Signature=cc"],
])("part %i has its own URL", (number, url) => {
  expect(partUrl(sheet(), "multipart", number)).toBe(url);
});

test("the host follows the part number, not the place on the sheet", () => {
  const later = sheet({ first: 2 });
  expect(partUrl(later, "multipart", 2)).toContain(
    "dualstack.test/k?X-Amz-Date=d&partNumber=2&X-Amz-Signature=aa",
  );
  expect(partHost(later, 3)).toBe("b.s3.eu-central-1.amazonaws.com");
});

test("the URL of strategy put has no part number", () => {
  const one = sheet({ urls: ["https://b.test/k?X-Amz-Date=d"], signatures: ["aa"] });
  expect(partUrl(one, "put", 1)).toBe("https://b.test/k?X-Amz-Date=d&X-Amz-Signature=aa");
});

test("a part that is not on the sheet has no URL", () => {
  expect(() => partUrl(sheet(), "multipart", 4)).toThrow(RangeError);
  expect(() => partUrl(sheet({ first: 2 }), "multipart", 1)).toThrow(RangeError);
});

test("parts that ask at once get one new sheet between them", async () => {
  const asked: unknown[] = [];
  const source = async (range: object) => {
    asked.push(range);
    return sheet({ signatures: ["dd", "ee", "ff"] });
  };
  const sheets = new Sheets(sheet(), source, new RushingClock());
  sheets.refuse(sheets.current);
  const answers = await Promise.all([1, 2, 3].map((number) => sheets.for(number, signal)));
  expect(asked).toEqual([{ first: 1 }]);
  expect(new Set(answers).size).toBe(1);
});

test("refusing an old sheet says nothing about the new one", async () => {
  let asked = 0;
  const old = sheet();
  const source = async () => sheet({ signatures: [`${++asked}`, "x", "y"] });
  const sheets = new Sheets(old, source, new RushingClock());
  sheets.refuse(old);
  await sheets.for(1, signal);
  sheets.refuse(old);
  await sheets.for(2, signal);
  expect(asked).toBe(1);
});

test.each([
  { minutes: 58, asked: 0 },
  { minutes: 59.5, asked: 1 },
  { minutes: 90, asked: 1 },
])("$minutes minutes into an hour, $asked new sheets are asked for", async ({ minutes, asked }) => {
  const clock = new RushingClock();
  let count = 0;
  const sheets = new Sheets(sheet(), async () => sheet({ first: ++count }), clock);
  clock.time += minutes * 60_000;
  await sheets.for(1, signal);
  expect(count).toBe(asked);
});

test("a computer whose clock is a day ahead does not ask for ever", async () => {
  const clock = new RushingClock();
  clock.time += 24 * 3_600_000;
  let asked = 0;
  const sheets = new Sheets(
    sheet(),
    async () => {
      asked++;
      return sheet();
    },
    clock,
  );
  await sheets.for(1, signal);
  expect(asked).toBe(0);
});

test("a sheet that cannot be had fails whoever asked, and can be asked for again", async () => {
  let down = true;
  const source = async () => {
    if (down) throw new Error("down");
    return sheet();
  };
  const sheets = new Sheets(sheet(), source, new RushingClock());
  sheets.refuse(sheets.current);
  await expect(sheets.for(1, signal)).rejects.toThrow("down");
  down = false;
  expect(await sheets.for(1, signal)).toEqual(sheet());
});

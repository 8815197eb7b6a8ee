import { expect, test } from "vitest";
import type { Sheet } from "../../src/upload/api/contract";
import { hostsOf, partUrl, Sheets, wholeUrl } from "../../src/upload/parts/sheet";
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
    other_signatures: [["dd", "ee", "ff"]],
    expires_at: "2030-01-01T01:00:00.000000Z",
    headers: {},
    ...changes,
  };
}

test.each([
  [1, 0, "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d&partNumber=1&X-Amz-Signature=aa"],
  [2, 1, "https://b.s3.dualstack.test/k?X-Amz-Date=d&partNumber=2&X-Amz-Signature=bb"],
  [3, 0, "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d&partNumber=3&X-Amz-Signature=cc"],
  [1, 1, "https://b.s3.dualstack.test/k?X-Amz-Date=d&partNumber=1&X-Amz-Signature=dd"],
  [2, 0, "https://b.s3.eu-central-1.amazonaws.com/k?X-Amz-Date=d&partNumber=2&X-Amz-Signature=ee"],
  [3, 1, "https://b.s3.dualstack.test/k?X-Amz-Date=d&partNumber=3&X-Amz-Signature=ff"],
])("part %i has its own URL at host %i", (number, host, url) => {
  expect(partUrl(sheet(), number, host)).toBe(url);
});

test.each([
  [4, 0, "h0?&partNumber=4&X-Amz-Signature=s4h0"],
  [4, 1, "h1?&partNumber=4&X-Amz-Signature=s4h1"],
  [4, 2, "h2?&partNumber=4&X-Amz-Signature=s4h2"],
  [5, 0, "h0?&partNumber=5&X-Amz-Signature=s5h0"],
])(
  "signatures follow the part number, not the index on the sheet: part %i, host %i of 3",
  (number, host, url) => {
    const later = sheet({
      urls: ["h0?", "h1?", "h2?"],
      first: 4,
      signatures: ["s4h0", "s5h1"],
      other_signatures: [
        ["s4h1", "s5h2"],
        ["s4h2", "s5h0"],
      ],
    });
    expect(partUrl(later, number, host)).toBe(url);
  },
);

test("the hosts are those of the URLs", () => {
  expect(hostsOf(sheet())).toEqual(["b.s3.eu-central-1.amazonaws.com", "b.s3.dualstack.test"]);
});

test("the URL of a file that is sent whole has no part number", () => {
  const urls = ["https://b.test/k?X-Amz-Date=d"];
  const one = sheet({ urls, signatures: ["aa"], other_signatures: [] });
  expect(wholeUrl(one)).toBe("https://b.test/k?X-Amz-Date=d&X-Amz-Signature=aa");
});

test("a part that is not on the sheet has no URL", () => {
  expect(() => partUrl(sheet(), 4, 0)).toThrow(RangeError);
  expect(() => partUrl(sheet({ first: 2 }), 1, 0)).toThrow(RangeError);
  expect(() => partUrl(sheet(), 1, 2)).toThrow(RangeError);
});

test("parts that need a new sheet at the same time share one request", async () => {
  const requests: unknown[] = [];
  const source = async (range: object) => {
    requests.push(range);
    return sheet({ signatures: ["dd", "ee", "ff"] });
  };
  const sheets = new Sheets(sheet(), source, new RushingClock());
  sheets.refuse(sheets.current);
  const answers = await Promise.all([1, 2, 3].map((number) => sheets.for(number, signal)));
  expect(requests).toEqual([{ first: 1, refused: true }]);
  expect(new Set(answers).size).toBe(1);
});

test("only the request after a refusal has `refused`", async () => {
  const requests: unknown[] = [];
  const clock = new RushingClock();
  const source = async (request: { first?: number }) => {
    requests.push(request);
    const expires_at = new Date(clock.time + 3_600_000).toISOString();
    return sheet({ first: request.first ?? 1, expires_at });
  };
  const sheets = new Sheets(sheet(), source, clock);
  sheets.refuse(await sheets.for(1, signal));
  await sheets.for(1, signal);
  await sheets.for(7, signal); // not on the sheet
  clock.time += 3_590_000;
  await sheets.for(7, signal); // about to expire
  expect(requests).toEqual([{ first: 1, refused: true }, { first: 7 }, { first: 7 }]);
});

test("an older API, whose sheets have no headers, receives no `refused`", async () => {
  const requests: unknown[] = [];
  const { headers: _, ...older } = sheet();
  const source = async (request: object) => {
    requests.push(request);
    return older;
  };
  const sheets = new Sheets(older, source, new RushingClock());
  sheets.refuse(older);
  await sheets.for(1, signal);
  expect(requests).toEqual([{ first: 1 }]);
});

test("a request after a refusal is repeated with `refused` when it failed", async () => {
  const requests: unknown[] = [];
  const source = async (request: object) => {
    requests.push(request);
    if (requests.length === 1) throw new Error("down");
    return sheet();
  };
  const sheets = new Sheets(sheet(), source, new RushingClock());
  sheets.refuse(sheets.current);
  await expect(sheets.for(1, signal)).rejects.toThrow("down");
  await sheets.for(1, signal);
  expect(requests).toEqual(Array(2).fill({ first: 1, refused: true }));
});

test("refusing an old sheet has no effect on a newer one", async () => {
  let requests = 0;
  const old = sheet();
  const source = async () => sheet({ signatures: [`${++requests}`, "x", "y"] });
  const sheets = new Sheets(old, source, new RushingClock());
  sheets.refuse(old);
  await sheets.for(1, signal);
  sheets.refuse(old);
  await sheets.for(2, signal);
  expect(requests).toBe(1);
});

test.each([
  { minutes: 58, requests: 0 },
  { minutes: 59.5, requests: 1 },
  { minutes: 90, requests: 1 },
])("$minutes minutes into an hour, $requests new sheets are requested", async ({ minutes, requests }) => {
  const clock = new RushingClock();
  let count = 0;
  const sheets = new Sheets(sheet(), async () => sheet({ first: ++count }), clock);
  clock.time += minutes * 60_000;
  await sheets.for(1, signal);
  expect(count).toBe(requests);
});

test("a computer whose clock is a day ahead does not request sheets for ever", async () => {
  const clock = new RushingClock();
  clock.time += 24 * 3_600_000;
  let requests = 0;
  const sheets = new Sheets(
    sheet(),
    async () => {
      requests++;
      return sheet();
    },
    clock,
  );
  await sheets.for(1, signal);
  expect(requests).toBe(0);
});

test("a failed request for a sheet rejects, and can be repeated", async () => {
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

import { describe, expect, it } from "vitest";
import cases from "../../../tests/allowed.json";
import { refusal } from "../../src/page/picker/file-rules";
import type { Limits } from "../../src/upload/api/contract";

const limits = (types: string[]) => ({ max_size: 100, allowed_types: types }) as Limits;

describe("allowed types, as in the API", () => {
  it.each(cases as [string, string, string[], boolean][])(
    "%s, %s under %j: %s",
    (type, name, patterns, allowed) => {
      expect(refusal({ name, type, size: 1 }, limits(patterns)) === undefined).toBe(allowed);
    },
  );
});

describe("other rules", () => {
  it.each(["", "a/b", "a\\b", ".", "..", "a\u0000", "exe.\u202egpj", "a".repeat(256)])(
    "refuses the name %j",
    (name) => {
      expect(refusal({ name, type: "", size: 1 }, limits([]))).toBeDefined();
    },
  );

  it("accepts files up to the largest size", () => {
    expect(refusal({ name: "a", type: "", size: 100 }, limits([]))).toBeUndefined();
    expect(refusal({ name: "a", type: "", size: 101 }, limits([]))).toBeDefined();
  });
});

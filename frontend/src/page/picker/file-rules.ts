// Checks a file before it is sent, by the same rules as the API, which checks again.
// Pure: must not know Uppy.
import type { Limits } from "../../upload/api/contract";
import { formatSize } from "../formats";
import { strings } from "../strings";
import { isAllowed } from "./media-types";

const MOST_CHARACTERS = 255;

/** Control characters, lone surrogates, and characters that reverse text, so that `exe.jpg` looks like `gpj.exe`. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069/\\]/u;

export type Candidate = { name: string; type: string; size: number };

/** Returns a sentence that says why the API would refuse the file, or undefined. */
export function refusal(file: Candidate, limits: Limits | undefined): string | undefined {
  const { name, type, size } = file;
  const words = strings.refused;
  if (name === "" || [...name].length > MOST_CHARACTERS) return words.longName(name, MOST_CHARACTERS);
  if (FORBIDDEN.test(name) || name === "." || name === "..") return words.name(name);
  if (!limits) return undefined;
  if (size > limits.max_size) return words.size(name, formatSize(limits.max_size));
  if (!isAllowed(type, name, limits.allowed_types)) return words.type(name, limits.allowed_types.join(", "));
  return undefined;
}

// What the page knows beforehand about which files the API refuses, so that nothing is begun in vain.
// Pure; must not know Uppy. The API decides in the end: its rules are the same.
import type { Limits } from "../../upload/api/contract";
import { formatSize } from "../formats";
import { strings } from "../strings";
import { isAllowed } from "./media-types";

const MOST_CHARACTERS = 255;

/** Control characters, halves of characters, and those that turn text around so that `exe.jpg` reads `gpj.exe`. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069/\\]/u;

export type Candidate = { name: string; type: string; size: number };

/** Why a file would be refused, in a sentence; undefined when nothing speaks against it. */
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

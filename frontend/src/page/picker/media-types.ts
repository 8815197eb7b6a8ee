// Media types as the API knows them: their aliases, the types of extensions, and patterns of allowed types.
// Pure. Page and API read the same table, so that the page refuses exactly the files that the API would refuse.
import table from "../../../../chalicelib/media_types.json";

const OCTET_STREAM = "application/octet-stream";

const canonicalNames = new Map<string, string>();
for (const type of Object.keys(table.extensions)) canonicalNames.set(type.toLowerCase(), type);
for (const [type, aliases] of Object.entries(table.aliases))
  for (const alias of aliases) canonicalNames.set(alias, type);

const vague = new Set(table.vague);
const vagueByExtension = new Map(Object.entries(table.vague_by_extension));
const byExtension = new Map<string, string[]>();
for (const [type, extensions] of Object.entries(table.extensions)) {
  for (const extension of extensions)
    byExtension.set(extension, [...(byExtension.get(extension) ?? []), type]);
}

/** Whether a file has an allowed type: its declared type or, when that is generic, the type of its extension. */
export function isAllowed(declared: string, filename: string, patterns: string[]): boolean {
  const types = claimedTypes(declared, filename);
  return patterns.length === 0 || patterns.some((pattern) => types.some((type) => matches(pattern, type)));
}

/** The declared type, or the types of the extension when the declared type is generic. */
function claimedTypes(declared: string, filename: string): string[] {
  const name = essence(declared);
  const extension = filename.includes(".") ? filename.slice(filename.lastIndexOf(".") + 1).toLowerCase() : "";
  const isVague = name === "" || vague.has(name) || vagueByExtension.get(extension)?.includes(name);
  return (isVague && byExtension.get(extension)) || [name || OCTET_STREAM];
}

/** Whether a pattern matches any name of a type. `*` matches any text, `?` one character. */
function matches(pattern: string, type: string): boolean {
  const names = [essence(type), canonical(type)];
  return [pattern.trim(), canonical(pattern)].some((each) =>
    names.some((name) => asExpression(each).test(name)),
  );
}

function canonical(type: string): string {
  const name = essence(type);
  return canonicalNames.get(name) ?? name;
}

/** A media type without its parameters. */
function essence(type: string): string {
  return type.replace(/;.*/s, "").trim().toLowerCase();
}

function asExpression(pattern: string): RegExp {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "is");
}

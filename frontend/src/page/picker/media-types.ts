// Names of media types, as the API knows them: aliases, types by extension, patterns of allowed types.
// Pure. Both read one table, so that the page refuses beforehand exactly what the API would refuse.
import table from "../../../../chalicelib/media_types.json";

const OCTET_STREAM = "application/octet-stream";

const canonicalNames = new Map<string, string>([
  ...Object.keys(table.extensions).map((type): [string, string] => [type.toLowerCase(), type]),
  ...Object.entries(table.aliases).flatMap(([type, aliases]) =>
    aliases.map((alias): [string, string] => [alias, type]),
  ),
]);
const vague = new Set(table.vague);
const vagueByExtension = new Map(Object.entries(table.vague_by_extension));
const byExtension = new Map<string, string[]>();
for (const [type, extensions] of Object.entries(table.extensions)) {
  for (const extension of extensions)
    byExtension.set(extension, [...(byExtension.get(extension) ?? []), type]);
}

/** Whether a file is one of the allowed types by what it was declared as, or by its name where that says nothing. */
export function isAllowed(declared: string, filename: string, patterns: string[]): boolean {
  const types = claimedTypes(declared, filename);
  return patterns.length === 0 || patterns.some((pattern) => types.some((type) => matches(pattern, type)));
}

/** The types that a file says it has: the declared one, or those of its extension where that one says nothing. */
function claimedTypes(declared: string, filename: string): string[] {
  const name = essence(declared);
  const extension = filename.includes(".") ? filename.slice(filename.lastIndexOf(".") + 1).toLowerCase() : "";
  const isVague = name === "" || vague.has(name) || vagueByExtension.get(extension)?.includes(name);
  return (isVague && byExtension.get(extension)) || [name || OCTET_STREAM];
}

/** Whether a pattern (`*` is anything, `?` one character) is a type under any of its names. */
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

// The layers of the engine: its modules form no circle, know neither Uppy nor the page, and only browser/ knows the DOM.
import { expect, test } from "vitest";

const UPLOAD = "../../src/upload/";
const sources = import.meta.glob<string>("../../src/upload/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});
/** Source text by path below upload/, without the extension. */
const modules = new Map(
  Object.entries(sources).map(([path, text]) => [path.slice(UPLOAD.length, -".ts".length), text]),
);

const BROWSER_ONLY = [
  ...["navigator", "XMLHttpRequest", "Worker", "indexedDB", "document", "window", "localStorage", "self"],
  ...["sessionStorage", "location", "addEventListener", "removeEventListener"],
];

/** What a source imports, types included. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/\b(?:from|import) ?\(?"([^"]+)"/g)].map(([, name = ""]) => name);
}

/** The path below upload/ of a module that is imported; undefined for one outside. */
function resolve(from: string, name: string): string | undefined {
  if (!name.startsWith(".")) return undefined;
  const { pathname } = new URL(name, `https://root.test/src/upload/${from}`);
  return pathname.startsWith("/src/upload/") ? pathname.slice("/src/upload/".length) : undefined;
}

function neighboursOf(name: string): string[] {
  return importsOf(modules.get(name) ?? "").flatMap((other) => resolve(name, other) ?? []);
}

/** The code of a source, without comments and texts. */
function codeOf(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"|`[^`]*`/g, "");
}

function globalsIn(code: string): string[] {
  return BROWSER_ONLY.filter((name) => new RegExp(`(?<![\\w$#.])${name}\\b(?!:)`).test(code));
}

/** The first circle on the way from `name`, as the path of its modules. */
function circleFrom(name: string, path: string[], done: Set<string>): string[] | undefined {
  if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
  if (done.has(name)) return undefined;
  for (const other of neighboursOf(name)) {
    const circle = circleFrom(other, [...path, name], done);
    if (circle) return circle;
  }
  done.add(name);
  return undefined;
}

test("the engine has modules, and every import of one finds it", () => {
  expect(modules.size).toBeGreaterThan(40);
  const missing = [...modules.keys()].flatMap((name) =>
    neighboursOf(name).filter((other) => !modules.has(other)),
  );
  expect(missing).toEqual([]);
});

test("no modules import each other in a circle, types included", () => {
  const done = new Set<string>();
  const circles = [...modules.keys()].map((name) => circleFrom(name, [], done)).filter(Boolean);
  expect(circles).toEqual([]);
});

test.each([...modules.keys()])("%s imports only the engine itself and hash-wasm", (name) => {
  const names = importsOf(modules.get(name) ?? "");
  const outside = names.filter((other) => resolve(name, other) === undefined);
  expect(outside.filter((other) => other !== "hash-wasm")).toEqual([]);
});

const core = [...modules.keys()].filter((name) => !name.startsWith("browser/"));

test.each(core)("%s knows neither the DOM nor the adapters in browser/", (name) => {
  expect(globalsIn(codeOf(modules.get(name) ?? ""))).toEqual([]);
  expect(neighboursOf(name).filter((other) => other.startsWith("browser/"))).toEqual([]);
});

test.each([
  ["const online = navigator.onLine;", ["navigator"]],
  ["new Worker(url)", ["Worker"]],
  ["const worker: Worker = self;", ["Worker", "self"]],
  ["// the window\nthis.#window.self = { document: 1 };", []],
])("the check of globals reads %j", (code, expected) => {
  expect(globalsIn(codeOf(code))).toEqual(expected);
});

// The imports of the source code point one way: page, then uppy, then upload. In the page they point from main to app to
// workspace to the folders.
import { expect, test } from "vitest";

const sources = import.meta.glob<string>("../../src/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});
const modules = new Map(
  Object.entries(sources).map(([path, text]) => [path.slice("../../src/".length), text]),
);
const TOP = ["page/main", "page/app", "page/workspace"];

/** The modules that a module imports, such as `page/elements`. Imports of types count. */
function importsOf(path: string): string[] {
  const specifiers = modules.get(path)?.matchAll(/\bfrom "(\.[^"]+)"/g) ?? [];
  return [...specifiers].map(([, specifier = ""]) => new URL(specifier, `file:///${path}`).pathname.slice(1));
}

/** A circle of imports outside the engine that is reached from a module, or nothing. */
function circleFrom(path: string, way: string[] = [], done = new Set<string>()): string[] {
  if (way.includes(path)) return [...way, path];
  if (done.has(path)) return [];
  done.add(path);
  for (const next of importsOf(path).filter((target) => !target.startsWith("upload/"))) {
    const circle = circleFrom(`${next}.ts`, [...way, path], done);
    if (circle.length > 0) return circle;
  }
  return [];
}

function importers(folder: string, isForbidden: (target: string) => boolean): string[] {
  const paths = [...modules.keys()].filter((path) => path.startsWith(folder));
  return paths.flatMap((path) =>
    importsOf(path)
      .filter(isForbidden)
      .map((target) => `${path} -> ${target}`),
  );
}

test("the test reads the imports", () => {
  expect(importsOf("page/app.ts")).toContain("page/workspace");
});

test("the engine imports neither the plugin nor the page, and the plugin does not import the page", () => {
  expect(importers("upload/", (target) => !target.startsWith("upload/"))).toEqual([]);
  expect(importers("uppy/", (target) => target.startsWith("page/"))).toEqual([]);
});

test("main imports app, app imports workspace, and nothing else imports them", () => {
  expect(importers("page/", (target) => TOP.includes(target))).toEqual([
    "page/app.ts -> page/workspace",
    "page/main.ts -> page/app",
  ]);
});

test("the page and the plugin have no circular imports", () => {
  const paths = [...modules.keys()].filter((path) => !path.startsWith("upload/"));
  expect(paths.map((path) => circleFrom(path)).filter((circle) => circle.length > 0)).toEqual([]);
});

// How the page is built and tested. Everything is bundled, so that the page loads nothing from other sites at run time.
// `npm run dev` gets the addresses (config.json) from a running local system.
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The version of Hoist, from the only file that has it. */
function hoistVersion(): string {
  const source = readFileSync(new URL("../chalicelib/version.py", import.meta.url), "utf-8");
  const version = /^VERSION = "([^"]+)"$/m.exec(source)?.[1];
  if (!version) throw new Error("chalicelib/version.py has no VERSION");
  return version;
}

/** Uppy's packages read their version from their package.json. The bundle needs nothing else of that file. */
const versionsOnly: Plugin = {
  name: "versions-only",
  enforce: "pre",
  transform(source, id) {
    if (!/@uppy\/[\w-]+\/package\.json$/.test(id)) return undefined;
    return JSON.stringify({ version: JSON.parse(source).version });
  },
};

export default defineConfig({
  plugins: [versionsOnly],
  define: { __HOIST_VERSION__: JSON.stringify(hoistVersion()) },
  // One script has nothing to preload, so the polyfill for it would be dead code.
  build: { target: "es2022", modulePreload: { polyfill: false } },
  worker: { format: "es" },
  server: { proxy: { "/config.json": "http://127.0.0.1:8080" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node", setupFiles: ["tests/setup.ts"] },
});

// What the build provides: the version, and the function of Node.js with which vite.config.ts reads it.
declare const __HOIST_VERSION__: string;

declare module "node:fs" {
  export function readFileSync(path: URL, encoding: "utf-8"): string;
}

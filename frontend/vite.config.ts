// How the page is built and tested. Everything is bundled: the page asks no third party for anything
// at run time. While developing, the addresses (config.json) come from a running local system.
import { defineConfig } from "vitest/config";

export default defineConfig({
  build: { target: "es2022" },
  worker: { format: "es" },
  server: { proxy: { "/config.json": "http://127.0.0.1:8080" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node", setupFiles: ["tests/setup.ts"] },
});

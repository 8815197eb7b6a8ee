// Builds the page of the benches, with the Vite of the real page.
export default {
  root: import.meta.dirname,
  logLevel: "warn",
  build: { target: "es2022", outDir: "dist", emptyOutDir: true, chunkSizeWarningLimit: 5000 },
  worker: { format: "es" },
};

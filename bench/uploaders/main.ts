// The page of the benches: one uploader under Uppy, files picked from disk, controlled from outside through
// `window.bench`. Every contestant runs in the same harness. Must not know the purpose of a bench.
import type { Contestant, Options } from "./options";

export type Outcome = { seconds: number; failed: Record<string, string> };

/** Milliseconds: nobody adds files to a page in its first second. */
const SETTLING_TIME = 1000;

const contestants: Record<string, () => Promise<Contestant>> = {
  hoist: () => import("./hoist/uploader"),
  "uppy-5": () => import("./uppy-5/uploader") as unknown as Promise<Contestant>,
  "uppy-6": () => import("./uppy-6/uploader"),
};

const bench = {
  /** Sends all picked files. Resolves with the seconds it took, and the error of each file that failed. */
  async run(name: string, options: Options): Promise<Outcome> {
    const load = contestants[name];
    const files = [...(document.querySelector("input")?.files ?? [])];
    if (!load || files.length === 0) throw new Error("No such contestant, or no file");
    const uppy = await (await load()).uploader(options);
    uppy.addFiles(files.map((file) => ({ name: file.name, type: "application/octet-stream", data: file })));
    await new Promise((resolve) => setTimeout(resolve, SETTLING_TIME));
    const started = performance.now();
    const result = await uppy.upload();
    const seconds = (performance.now() - started) / 1000;
    const failed = (result?.failed ?? []).map((file) => [file.name, file.error ?? "failed"]);
    return { seconds, failed: Object.fromEntries(failed) };
  },
};

Object.assign(window, { bench });

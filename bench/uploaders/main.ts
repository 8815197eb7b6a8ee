// The page of the benches: one uploader under Uppy, files picked from disk, driven by `window.bench` from outside.
// Every contestant runs in the same harness. Must not know what is measured.
import type { Body, Meta, Uppy } from "@uppy/core";

export type Options = { api: string; partSize?: number };
/** An uploader on a page that has talked to its API before, as pages have. */
export type Contestant = { uploader(options: Options): Promise<Uppy<Meta, Body>> };

export type Outcome = { seconds: number; failed: Record<string, string> };

/** A page that is opened is sent files after a second at the earliest (milliseconds). */
const AT_REST = 1000;

const contestants: Record<string, () => Promise<Contestant>> = {
  hoist: () => import("./hoist/uploader"),
  "uppy-5": () => import("./uppy-5/uploader") as unknown as Promise<Contestant>,
  "uppy-6": () => import("./uppy-6/uploader"),
};

const bench = {
  /** Sends all files that are picked: the seconds it takes, and the reason of each that fails. */
  async run(name: string, options: Options): Promise<Outcome> {
    const load = contestants[name];
    const files = [...(document.querySelector("input")?.files ?? [])];
    if (!load || files.length === 0) throw new Error("No such contestant, or no file");
    const uppy = await (await load()).uploader(options);
    uppy.addFiles(files.map((file) => ({ name: file.name, type: "application/octet-stream", data: file })));
    await new Promise((resolve) => setTimeout(resolve, AT_REST));
    const started = performance.now();
    const result = await uppy.upload();
    const seconds = (performance.now() - started) / 1000;
    const failed = (result?.failed ?? []).map((file) => [file.name, file.error ?? "failed"]);
    return { seconds, failed: Object.fromEntries(failed) };
  },
};

Object.assign(window, { bench });

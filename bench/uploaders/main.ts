// The page of the benches: one uploader under Uppy, one file picked from disk, driven by `window.bench` from outside.
// Every contestant runs in the same harness. Must not know what is measured.
import type { Body, Meta, Uppy } from "@uppy/core";

export type Options = { api: string; partSize?: number };
/** An uploader on a page that has talked to its API before, as pages have. */
export type Contestant = { uploader(options: Options): Promise<Uppy<Meta, Body>> };

/** A page that is opened is sent a file after a second at the earliest (milliseconds). */
const AT_REST = 1000;

const contestants: Record<string, () => Promise<Contestant>> = {
  hoist: () => import("./hoist/uploader"),
  "uppy-5": () => import("./uppy-5/uploader") as unknown as Promise<Contestant>,
  "uppy-6": () => import("./uppy-6/uploader"),
};

const bench = {
  /** The share of the file that is sent, as Uppy tells it. */
  progress: 0,

  /** Seconds from start to success; throws what the uploader gives as its reason. */
  async run(name: string, options: Options): Promise<number> {
    const load = contestants[name];
    const file = document.querySelector("input")?.files?.[0];
    if (!load || !file) throw new Error("No such contestant, or no file");
    const uppy = await (await load()).uploader(options);
    uppy.on("upload-progress", (_, { bytesUploaded, bytesTotal }) => {
      bench.progress = bytesUploaded / (bytesTotal || 1);
    });
    uppy.addFile({ name: file.name, type: "application/octet-stream", data: file });
    await new Promise((resolve) => setTimeout(resolve, AT_REST));
    const started = performance.now();
    const result = await uppy.upload();
    const failed = result?.failed?.[0];
    if (failed) throw new Error(failed.error ?? "failed");
    return (performance.now() - started) / 1000;
  },
};

Object.assign(window, { bench });

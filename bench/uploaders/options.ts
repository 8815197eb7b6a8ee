// What the bench passes to an uploader. Types only.
import type { Body, Meta, Uppy } from "@uppy/core";

export type Options = {
  /** The address of the API. */
  api: string;
  /** Bytes; without it the uploader decides. */
  partSize?: number;
};

/** An uploader on a page that has called its API before, as real pages have. */
export type Contestant = { uploader(options: Options): Promise<Uppy<Meta, Body>> };

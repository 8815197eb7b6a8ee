// Our uploader plugin under Uppy, with the tools the real page gives its engine.
import Uppy from "@uppy/core";
import { HoistUploader } from "../../../frontend/src/uppy/uploader";
import { Api } from "../../../frontend/src/upload/api/api";
import { systemClock } from "../../../frontend/src/upload/clock";
import { openConnections } from "../../../frontend/src/upload/browser/preconnect";
import { browserConnectivity } from "../../../frontend/src/upload/browser/connectivity";
import { Engine } from "../../../frontend/src/upload/engine";
import { workerHasher } from "../../../frontend/src/upload/browser/hasher";
import { indexedDbJournal } from "../../../frontend/src/upload/browser/indexeddb-journal";
import { browserLocks } from "../../../frontend/src/upload/browser/tab-locks";
import { browserTransport } from "../../../frontend/src/upload/browser/xhr-transport";
import type { Options } from "../main";

/** As on the real page, which asks for limits, uploads and what is unfinished when it opens. The part size is the API's to say, not an option. */
export async function uploader({ api: url }: Options): Promise<Uppy> {
  const clock = systemClock;
  const fetch: typeof window.fetch = (...request) => window.fetch(...request);
  const api = new Api({ url, clock, fetch, idToken: async () => "nobody" });
  const hasher = workerHasher();
  const [{ origins = [] }] = await Promise.all([api.limits(), api.list()]);
  const engine = new Engine({
    api,
    clock,
    transport: browserTransport,
    hasher,
    connectivity: browserConnectivity,
    journal: indexedDbJournal("nobody"),
    locks: browserLocks,
    connect: openConnections,
    settings: { origins },
  });
  await engine.unfinished();
  return new Uppy().use(HoistUploader, { engine, describe: String });
}

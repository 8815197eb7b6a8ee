// Hoist's uploader plugin under Uppy, with the tools that the real page gives the engine.
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
import type { Options } from "../options";

/**
 * As the real page does when it opens, requests the limits and the uploads, and lists unfinished ones. The API decides the
 * part size, so it is no option.
 */
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
    preconnect: openConnections,
    settings: { origins },
  });
  await engine.unfinished();
  return new Uppy().use(HoistUploader, { engine, describe: String });
}

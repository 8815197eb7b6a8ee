// A file that is sent over a FakeLine by the engine's own sender, pool and circuit breaker. A KiB stands for a MiB.

import type { CreatedUpload } from "../../src/upload/api/contract";
import { PartChecksums } from "../../src/upload/checksums/part-checksums";
import { HostPool } from "../../src/upload/concurrency/host-pool";
import { Pause } from "../../src/upload/concurrency/pause";
import { allParts } from "../../src/upload/parts/part-ranges";
import { PartSender } from "../../src/upload/parts/part-sender";
import { CircuitBreaker } from "../../src/upload/retry/circuit-breaker";
import { withStallTimeout } from "../../src/upload/retry/stall-timeout";
import { defaultSettings } from "../../src/upload/settings";
import { FakeLine, type LineOptions } from "./line";

export const MIB = 1024;
export const PART = 5 * MIB;
const online = { isOnline: () => true, back: () => new Promise<void>(() => undefined) };

/** Starts to send a file over a line, in parts of 5 MiB. */
export function sending(mebibytes: number, options: LineOptions) {
  const line = new FakeLine(options);
  const { clock } = line;
  const data = new Blob([new Uint8Array(mebibytes * MIB)]);
  const part_count = Math.ceil(data.size / PART);
  const signatures = allParts(part_count).map(String);
  const urls = ["https://one.test/k?x", "https://two.test/k?x"];
  const sheet = { urls, first: 1, signatures, other_signatures: [signatures], expires_at: "2099-01-01" };
  const created = { id: "u1", key: "k", state: "uploading", strategy: "multipart" } as const;
  const upload: CreatedUpload = { ...created, part_size: PART, part_count, sheet };
  const settings = defaultSettings;
  const { connectionsAtFirst: first, connectionsPerHost: most } = settings;
  const pool = new HostPool({ first, most, clock, minBytesForRate: 4 * MIB });
  const breaker = new CircuitBreaker({ rule: settings.outage, clock, connectivity: online });
  const pause = new Pause();
  const arrived: number[] = [];
  const progress: number[] = [];
  const sender = new PartSender({
    ...{ upload, data, headers: {}, sheets: async () => sheet, pool, breaker, clock, settings, pause },
    checksums: new PartChecksums({ upload, data, hasher: async () => "crc" }),
    transport: withStallTimeout(line.transport, clock, { ...settings, firstTimeout: 10_000 }),
    onAllSent: () => undefined,
    onProgress: (sent) => progress.push(sent),
    onPart: (number) => arrived.push(number),
  });
  let isDone = false;
  const stop = new AbortController();
  const run = sender.send(allParts(part_count), stop.signal).then(() => {
    isDone = true;
  });
  run.catch(() => undefined);
  return { line, pool, breaker, arrived, progress, pause, sender, stop, run, isDone: () => isDone };
}

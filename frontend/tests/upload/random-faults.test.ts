// A file under random faults: the upload ends either complete, byte for byte, or with a reason.
import { expect, test } from "vitest";
import { NetworkError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";
import { Cloud, type Fault, fileOf, problem } from "../fakes/cloud";
import { seeded } from "../fakes/seeded";

/** Faults that another attempt or a new sheet cures. */
const TRANSIENT: Fault[] = [
  ...([500, 503, 403, 408, "reset"] as const),
  ...(["RequestTimeout", "InternalError", "SlowDown", "ServiceUnavailable", "IncompleteBody"] as const),
  ...([
    "ExpiredToken",
    "InvalidToken",
    "ExpiredUrl",
    "OperationAborted",
    "ConditionalRequestConflict",
  ] as const),
];
const FATAL: Fault[] = [400, 404, "BadDigest", "EntityTooLarge", "NoSuchUpload"];

/** The probability of a fault for a part, for S3's response to it, for a call of the API, and for damaged bytes. */
type FaultRates = { parts: number; answers: number; api: number; corrupt: number; fatal: boolean };

function injectFaults(cloud: Cloud, chance: () => number, rates: FaultRates): void {
  const faults = rates.fatal ? [...TRANSIENT, ...FATAL] : TRANSIENT;
  const one = () => faults[Math.floor(chance() * faults.length)];
  cloud.fault = () => (chance() < rates.parts ? one() : undefined);
  cloud.answerGate = async () => {
    if (chance() < rates.answers) throw new NetworkError("lost");
  };
  cloud.corrupt = () => chance() < rates.corrupt;
  cloud.apiFault = () => {
    if (chance() >= rates.api) return undefined;
    if (chance() < 0.5) throw new NetworkError("reset");
    return problem(chance() < 0.5 ? 500 : 503, "try_again");
  };
}

async function bytes(data: Blob): Promise<string> {
  return new TextDecoder("latin1").decode(await data.arrayBuffer());
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  "with faults of seed %i no upload is silently wrong",
  async (seed) => {
    const chance = seeded(seed + 1);
    const cloud = new Cloud();
    cloud.exposes = chance() < 0.7;
    cloud.sheetSize = chance() < 0.5 ? 7 : 10_000;
    const file = fileOf(Math.floor(chance() * 400));
    injectFaults(cloud, chance, { parts: 0.1, answers: 0.1, api: 0.1, corrupt: 0.05, fatal: chance() < 0.5 });
    const upload = cloud.engine().upload(file);
    const run = upload.run().then(
      ({ state }) => state,
      (error: unknown) => error,
    );
    if (chance() < 0.3) {
      await settled();
      upload.pause();
      await settled();
      upload.resume();
    }
    const end = await run;
    const [whole] = cloud.files.stored;
    if (end === "uploaded") expect(await bytes(whole?.object ?? cloud.object)).toBe(await bytes(file.data));
    else expect(end).toBeInstanceOf(Error);
  },
);

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  "with transient faults of seed %i every file arrives, also over reloads",
  async (seed) => {
    const chance = seeded(seed + 1000);
    const cloud = new Cloud();
    const file = fileOf(100 + Math.floor(chance() * 300));
    injectFaults(cloud, chance, { parts: 0.05, answers: 0.05, api: 0.05, corrupt: 0, fatal: false });
    for (let page = 0; page < 3; page++) {
      void cloud
        .engine()
        .upload(file)
        .run()
        .catch(() => undefined);
      for (let turn = 0; turn < 1 + chance() * 8; turn++) await settled();
      cloud.reload();
    }
    injectFaults(cloud, chance, { parts: 0.05, answers: 0.05, api: 0.05, corrupt: 0, fatal: false });
    const last = await cloud.engine().upload(file).run();
    expect(["uploaded", "accepted"]).toContain(last.state);
    expect(await bytes(cloud.object)).toBe(await bytes(file.data));
  },
);

import { expect, test, vi } from "vitest";
import { workerHasher } from "../../src/upload/browser/hasher";
import { ReadError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";

const { signal } = new AbortController();

/** Workers whose results and failures a test decides. */
function fakeWorkers(): { workers: FakeWorker[]; busy: () => FakeWorker[] } {
  const workers: FakeWorker[] = [];
  vi.stubGlobal(
    "Worker",
    class extends FakeWorker {
      constructor() {
        super();
        workers.push(this);
      }
    },
  );
  return { workers, busy: () => workers.filter((worker) => worker.files.length > 0) };
}

class FakeWorker {
  readonly files: Blob[] = [];
  onmessage: (event: { data: object }) => void = () => undefined;
  onerror: (event: { message: string }) => void = () => undefined;
  terminate = () => undefined;

  postMessage(file: Blob): void {
    this.files.push(file);
  }
}

test("the workers for parts start before the first file", () => {
  const { workers, busy } = fakeWorkers();
  workerHasher();
  expect([workers.length, busy().length]).toEqual([2, 0]);
});

test("a worker is used again for the next file", async () => {
  const { workers, busy } = fakeWorkers();
  const hash = workerHasher();
  for (const crc64nvme of ["one", "two", "three"]) {
    const answer = hash(new Blob(["x"]), signal);
    await settled();
    busy().at(-1)?.onmessage({ data: { crc64nvme } });
    expect(await answer).toBe(crc64nvme);
  }
  expect([workers.length, busy().length]).toEqual([2, 1]);
});

test("a worker that failed to load early is replaced by another", async () => {
  const { workers, busy } = fakeWorkers();
  const hash = workerHasher();
  for (const worker of [...workers]) worker.onerror({ message: "offline" });
  const answer = hash(new Blob(["x"]), signal);
  await settled();
  expect(workers).toHaveLength(3);
  busy()[0]?.onmessage({ data: { crc64nvme: "one" } });
  expect(await answer).toBe("one");
});

test("a worker that fails to load when a file needs it fails the file, with its reason", async () => {
  const { busy } = fakeWorkers();
  const answer = workerHasher()(new Blob(["x"]), signal);
  await settled();
  busy()[0]?.onerror({ message: "no script" });
  await expect(answer).rejects.toThrow(new ReadError("no script"));
});

import { expect, test, vi } from "vitest";
import { workerHasher } from "../../src/upload/browser/hasher";
import { ReadError } from "../../src/upload/errors";
import { settled } from "../fakes/clock";

const { signal } = new AbortController();

/** Workers that a test has answer, or fail to load. */
function workers(): { made: FakeWorker[]; asked: () => FakeWorker[] } {
  const made: FakeWorker[] = [];
  vi.stubGlobal(
    "Worker",
    class extends FakeWorker {
      constructor() {
        super();
        made.push(this);
      }
    },
  );
  return { made, asked: () => made.filter((worker) => worker.files.length > 0) };
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

test("the workers for parts are there before the first file", () => {
  const { made, asked } = workers();
  workerHasher();
  expect([made.length, asked().length]).toEqual([2, 0]);
});

test("a worker is asked again for the next file", async () => {
  const { made, asked } = workers();
  const hash = workerHasher();
  for (const crc64nvme of ["one", "two", "three"]) {
    const answer = hash(new Blob(["x"]), signal);
    await settled();
    asked().at(-1)?.onmessage({ data: { crc64nvme } });
    expect(await answer).toBe(crc64nvme);
  }
  expect([made.length, asked().length]).toEqual([2, 1]);
});

test("a worker that could not be loaded ahead is not asked; another is made", async () => {
  const { made, asked } = workers();
  const hash = workerHasher();
  for (const worker of [...made]) worker.onerror({ message: "offline" });
  const answer = hash(new Blob(["x"]), signal);
  await settled();
  expect(made).toHaveLength(3);
  asked()[0]?.onmessage({ data: { crc64nvme: "one" } });
  expect(await answer).toBe("one");
});

test("a worker that cannot be loaded when it is needed fails the file, with its reason", async () => {
  const { asked } = workers();
  const answer = workerHasher()(new Blob(["x"]), signal);
  await settled();
  asked()[0]?.onerror({ message: "no script" });
  await expect(answer).rejects.toThrow(new ReadError("no script"));
});

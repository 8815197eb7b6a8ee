// The port Hasher in a browser: a few Web Workers that are kept for the next file. Small files have workers of their own,
// so that they never wait for a file that takes minutes. Must not know what the checksum is for.

import { abortable } from "../concurrency/linked-abort";
import { Semaphore } from "../concurrency/semaphore";
import { ReadError } from "../errors";
import type { Hasher } from "../ports";
import type { HashResult } from "./hash-worker";

/** Bytes of a small file, at most. */
const SMALL = 64 * 1024 * 1024;
/** Each of the two pools has this many. */
const WORKERS = 2;

export function workerHasher(): Hasher {
  const small = new WorkerPool();
  const large = new WorkerPool();
  small.start(); // before the first file comes: loading a worker takes a round trip
  return (data, signal) => (data.size <= SMALL ? small : large).hash(data, signal);
}

class WorkerPool {
  readonly #semaphore = new Semaphore(WORKERS);
  readonly #idle: Worker[] = [];

  /** Starts all workers. One that fails to load is started again when a file needs it. */
  start(): void {
    for (let each = 0; each < WORKERS; each++) {
      const worker = newWorker();
      this.#idle.push(worker);
      worker.onerror = () => this.#idle.splice(this.#idle.indexOf(worker), 1);
    }
  }

  hash(data: Blob, signal: AbortSignal): Promise<string> {
    return this.#semaphore.use(signal, async () => {
      const worker = this.#idle.pop() ?? newWorker();
      try {
        const checksum = await hashIn(worker, data, signal);
        this.#idle.push(worker);
        return checksum;
      } catch (error) {
        worker.terminate();
        throw error;
      }
    });
  }
}

function newWorker(): Worker {
  return new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" });
}

function hashIn(worker: Worker, data: Blob, signal: AbortSignal): Promise<string> {
  return abortable(signal, (resolve, reject) => {
    worker.onmessage = ({ data: result }: MessageEvent<HashResult>) =>
      "error" in result ? reject(new ReadError(result.error)) : resolve(result.crc64nvme);
    worker.onerror = (event) => reject(new ReadError(event.message));
    worker.postMessage(data);
    return () => {};
  });
}

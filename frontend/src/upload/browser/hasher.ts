// Hashes files in a few Web Workers that are kept for the next file. Small files have a lane of their own, so
// that they never wait behind a file that takes minutes. Must not know what the checksum is for.

import { Slots } from "../concurrency/semaphore";
import { ReadError } from "../errors";
import type { HashAnswer } from "./hash-worker";

/** The CRC64NVME of a whole file in S3's form (base64). Rejects with ReadError when it cannot be read. */
export type Hasher = (data: Blob, signal: AbortSignal) => Promise<string>;

const SMALL = 64 * 1024 * 1024;
const WORKERS_PER_LANE = 2;

export function workerHasher(): Hasher {
  const small = new Lane();
  const large = new Lane();
  small.start(); // before the first file comes: over a distance, loading a worker takes a round trip
  return (data, signal) => (data.size <= SMALL ? small : large).hash(data, signal);
}

class Lane {
  readonly #slots = new Slots(WORKERS_PER_LANE);
  readonly #idle: Worker[] = [];

  /** All its workers, rather than each when it is first needed; one that cannot be loaded is tried again then. */
  start(): void {
    for (let each = 0; each < WORKERS_PER_LANE; each++) {
      const worker = newWorker();
      this.#idle.push(worker);
      worker.onerror = () => this.#idle.splice(this.#idle.indexOf(worker), 1);
    }
  }

  hash(data: Blob, signal: AbortSignal): Promise<string> {
    return this.#slots.use(signal, async () => {
      const worker = this.#idle.pop() ?? newWorker();
      try {
        const answer = await ask(worker, data, signal);
        this.#idle.push(worker);
        return answer;
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

function ask(worker: Worker, data: Blob, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const settle = (answer: () => void) => {
      signal.removeEventListener("abort", stop);
      answer();
    };
    worker.onmessage = ({ data: answer }: MessageEvent<HashAnswer>) =>
      settle(() => ("error" in answer ? reject(new ReadError(answer.error)) : resolve(answer.crc64nvme)));
    worker.onerror = (event) => settle(() => reject(new ReadError(event.message)));
    signal.addEventListener("abort", stop, { once: true });
    worker.postMessage(data);
  });
}

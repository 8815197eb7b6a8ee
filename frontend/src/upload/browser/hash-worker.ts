// The Web Worker that hashes: a file comes in, its CRC64NVME goes out. Runs in its own thread so that the page
// stays smooth. Must not know which upload the file belongs to.
import { crc64nvme } from "../checksums/crc64nvme";

export type HashAnswer = { crc64nvme: string } | { error: string };

addEventListener("message", async (event: MessageEvent<Blob>) => {
  let answer: HashAnswer;
  try {
    answer = { crc64nvme: await crc64nvme(event.data) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  postMessage(answer);
});

// Compiles WebAssembly before the first file comes.
void crc64nvme(new Blob());

// The Web Worker that hashes: it receives a file and sends back its CRC64NVME. It runs in its own thread so that the page
// stays responsive. Must not know which upload the file belongs to.
import { crc64nvme } from "../checksums/crc64nvme";

export type HashResult = { crc64nvme: string } | { error: string };

addEventListener("message", async (event: MessageEvent<Blob>) => {
  let result: HashResult;
  try {
    result = { crc64nvme: await crc64nvme(event.data) };
  } catch (error) {
    result = { error: error instanceof Error ? error.message : String(error) };
  }
  postMessage(result);
});

// Compiles the WebAssembly before the first file comes.
void crc64nvme(new Blob());

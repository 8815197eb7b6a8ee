// Splits long work into short tasks, so that the page can draw and respond in between. Must not know what the work is.

/** Milliseconds of work before the browser gets a turn. */
const SHARE = 8;

/** Resolves in a new task, sooner than a timer would. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Passes the items to `work` in slices of about SHARE milliseconds. The duration of a slice sets the size of the next. */
export async function inSlices<T>(items: readonly T[], work: (slice: T[]) => void): Promise<void> {
  let size = 10;
  for (let next = 0; next < items.length; ) {
    const start = performance.now();
    const slice = items.slice(next, next + size);
    work(slice);
    next += slice.length;
    const each = (performance.now() - start) / slice.length;
    size = Math.max(1, Math.min(2 * size, Math.floor(SHARE / each)));
    if (next < items.length) await nextTask();
  }
}

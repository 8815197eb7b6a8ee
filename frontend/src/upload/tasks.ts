// Long work in short tasks, so that the page can draw and respond in between. Must not know what the work is.

/** Milliseconds of work in one task. */
const SHARE = 8;

export type Tasks = {
  /** Milliseconds. */
  now(): number;
  /** Resolves in a new task. */
  next(): Promise<void>;
};

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

const pageTasks: Tasks = { now: () => performance.now(), next: nextTask };

/** Passes the items to `work` in slices of about SHARE milliseconds, estimated from the slice before. */
export async function inSlices<T>(
  items: readonly T[],
  work: (slice: T[]) => void,
  tasks: Tasks = pageTasks,
): Promise<void> {
  let size = 10;
  for (let next = 0; next < items.length; ) {
    const started = tasks.now();
    const slice = items.slice(next, next + size);
    work(slice);
    next += slice.length;
    const each = (tasks.now() - started) / slice.length;
    size = Math.max(1, Math.min(2 * size, Math.floor(SHARE / each)));
    if (next < items.length) await tasks.next();
  }
}

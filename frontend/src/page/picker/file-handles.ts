// Ways back to the files a person picked, where the browser gives one (File System Access): a dropped file's, a
// picker's. A File does not know its handle, so it is recognised by name, size and time.
// Must not know what is done with a file, nor keep a handle longer than the page.
// https://developer.mozilla.org/docs/Web/API/File_System_API
const PICKER = "showOpenFilePicker";

export class Handles {
  readonly #known = new Map<string, FileSystemFileHandle>();

  /** The handle of a file that came in here. */
  readonly of = (file: File): FileSystemFileHandle | undefined => this.#known.get(keyOf(file));

  /** Remembers what is dropped on `target`; folders give no handles for their files. */
  watch(target: HTMLElement): void {
    const dropped = ({ dataTransfer }: DragEvent) => {
      for (const item of dataTransfer?.items ?? []) void this.#remember(item).catch(() => undefined);
    };
    target.addEventListener("drop", dropped, { capture: true });
  }

  /** Asks for files by the browser's picker; none when the person changed their mind. */
  async pick(multiple: boolean): Promise<File[]> {
    const handles = await window[PICKER]?.({ multiple }).catch(nothingPicked);
    return Promise.all((handles ?? []).map((handle) => this.open(handle)));
  }

  /** The file behind a handle, as it is now. */
  async open(handle: FileSystemFileHandle): Promise<File> {
    const file = await handle.getFile();
    this.#known.set(keyOf(file), handle);
    return file;
  }

  async #remember(item: DataTransferItem): Promise<void> {
    const handle = await item.getAsFileSystemHandle?.();
    if (handle?.kind === "file") await this.open(handle as FileSystemFileHandle);
  }
}

export function hasPicker(): boolean {
  return PICKER in window;
}

/** Whether the file may be read; asks the person where the browser wants that. */
export async function mayRead(handle: FileSystemFileHandle): Promise<boolean> {
  const mode = { mode: "read" } as const;
  if ((await handle.queryPermission?.(mode)) === "granted") return true;
  return (await handle.requestPermission?.(mode)) === "granted";
}

function nothingPicked(error: unknown): FileSystemFileHandle[] {
  if (error instanceof DOMException && error.name === "AbortError") return [];
  throw error;
}

function keyOf({ name, size, lastModified }: File): string {
  return JSON.stringify([name, size, lastModified]);
}

declare global {
  interface Window {
    showOpenFilePicker?: (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>;
  }
  interface DataTransferItem {
    getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
  }
  interface FileSystemFileHandle {
    queryPermission?: (options: { mode: "read" }) => Promise<PermissionState>;
    requestPermission?: (options: { mode: "read" }) => Promise<PermissionState>;
  }
}

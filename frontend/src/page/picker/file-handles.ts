// Handles that open a file again later, from browsers with the File System Access API: for files that were dropped or
// picked. A File does not know its handle, so name, size and time identify the file.
// Must not know what files are used for, nor keep a handle longer than the page.
// https://developer.mozilla.org/docs/Web/API/File_System_API
const PICKER = "showOpenFilePicker";

export class FileHandles {
  readonly #handles = new Map<string, FileSystemFileHandle>();

  /** The handle of a file that was dropped, picked or opened here. */
  readonly of = (file: File): FileSystemFileHandle | undefined => this.#handles.get(keyOf(file));

  /** Remembers the handles of files that are dropped on `target`. A folder gives no handles for its files. */
  watch(target: HTMLElement): void {
    const onDrop = ({ dataTransfer }: DragEvent) => {
      for (const item of dataTransfer?.items ?? []) void this.#remember(item).catch(() => undefined);
    };
    target.addEventListener("drop", onDrop, { capture: true });
  }

  /** Opens the browser's picker. Empty when the person cancels. */
  async pick(multiple: boolean): Promise<File[]> {
    const handles = await window[PICKER]?.({ multiple }).catch(ignoreCancel);
    return Promise.all((handles ?? []).map((handle) => this.open(handle)));
  }

  /** Reads the current file of a handle. */
  async open(handle: FileSystemFileHandle): Promise<File> {
    const file = await handle.getFile();
    this.#handles.set(keyOf(file), handle);
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

/** Whether the page may read the file. The browser may ask the person. */
export async function mayRead(handle: FileSystemFileHandle): Promise<boolean> {
  const mode = { mode: "read" } as const;
  if ((await handle.queryPermission?.(mode)) === "granted") return true;
  return (await handle.requestPermission?.(mode)) === "granted";
}

function ignoreCancel(error: unknown): FileSystemFileHandle[] {
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

// Uploads that earlier pages left unfinished: reads them from the engine, shows them, resumes and discards them.
// Must not know how files are sent: the Dashboard adds them, and the engine recognises them.
import type { Engine } from "../../upload/engine";
import type { Member } from "../../upload/ports";
import type { Chosen } from "../../upload/resume/drop";
import type { UnfinishedDrop, UnfinishedFile } from "../../upload/resume/unfinished";
import { inSlices } from "../../upload/tasks";
import type { Attempt } from "../messages/attempt";
import { confirm } from "../messages/confirm";
import type { Messages } from "../messages/messages";
import type { UploadDashboard } from "../picker/dashboard";
import { mayRead } from "../picker/file-handles";
import { strings } from "../strings";
import { nameOf, UnfinishedList } from "./unfinished-list";

/** Each file of a resumed drop changes the list. All changes within this time (milliseconds) cause one read. */
const REFRESH_DELAY = 300;

const words = strings.unfinished;

export type UnfinishedUploadsOptions = {
  engine: Engine;
  dashboard: Pick<UploadDashboard, "add" | "handles">;
  messages: Messages;
  attempt: Attempt;
  /** An upload no longer exists. */
  onRemoved: (id: string) => void;
};

export class UnfinishedUploads {
  readonly #options: UnfinishedUploadsOptions;
  readonly #list: UnfinishedList;
  #reads = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: UnfinishedUploadsOptions) {
    this.#options = options;
    const { attempt } = options;
    this.#list = new UnfinishedList({
      resume: (entry) => void attempt(() => this.#resume(entry), entry.id),
      resumeWith: (entry, file) => this.#resumeWith(entry, file),
      discard: (entry) => void attempt(() => this.#discard(entry), entry.id),
      resumeDrop: (drop, files) => void attempt(() => this.#resumeDrop(drop, files)),
      discardDrop: (drop) => void attempt(() => this.#discardDrop(drop)),
    });
  }

  get element(): HTMLElement {
    return this.#list.element;
  }

  /** Reads and shows the list. A result that comes after a newer one is ignored. */
  async refresh(): Promise<void> {
    const read = ++this.#reads;
    const unfinished = await this.#options.engine.unfinished();
    if (read === this.#reads) this.#list.show(unfinished);
  }

  /** Refreshes the list soon. A hidden list stays as it is, because nothing is added to it while the page is open. */
  refreshSoon(): void {
    if (!this.#list.isVisible) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, REFRESH_DELAY);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Opens the file with its handle. Without a usable handle the person picks the file. */
  async #resume(entry: UnfinishedFile): Promise<void> {
    const { dashboard, messages } = this.#options;
    const { handle, filename } = entry;
    if (handle && (await mayRead(handle))) {
      const file = await dashboard.handles.open(handle).catch(() => undefined);
      if (file && isSame(entry, file)) return dashboard.add([file]);
      messages.show(words.gone(filename), "bad");
    }
    const [picked] = await dashboard.handles.pick(false);
    if (picked) this.#resumeWith(entry, picked);
  }

  /** Refuses another file, which the engine would send as a new upload. */
  #resumeWith(entry: UnfinishedFile, file: File): void {
    const { dashboard, messages } = this.#options;
    if (isSame(entry, file)) dashboard.add([file]);
    else messages.show(words.other(entry.filename), "bad");
  }

  async #discard(entry: UnfinishedFile): Promise<void> {
    const { title, file: text, yes, no } = strings.discard;
    if (!(await confirm({ title: title(entry.filename), text, yes, no }))) return;
    await this.#options.engine.discard(entry);
    this.#options.onRemoved(entry.id);
  }

  /** Adds only the missing files, and says what happens with the others. */
  async #resumeDrop(drop: UnfinishedDrop, files: File[]): Promise<void> {
    const { engine, dashboard, messages } = this.#options;
    const members: Member[] = [];
    await inSlices(files, (slice) => void members.push(...slice.map(asMember)));
    const chosen = await engine.resumeDrop(drop, members);
    if (!chosen) return messages.show(words.anotherTab(nameOf(drop)), "bad");
    const places = [...chosen.missing, ...chosen.changed];
    dashboard.add(places.flatMap((place) => files[place] ?? []));
    this.refreshSoon();
    if (places.length > 0) messages.notify(resumeText(chosen), "good");
    else messages.show(words.none(nameOf(drop)), "bad");
  }

  async #discardDrop(drop: UnfinishedDrop): Promise<void> {
    const { title, drop: text, yes, no } = strings.discard;
    if (!(await confirm({ title: title(nameOf(drop)), text, yes, no }))) return;
    await this.#options.engine.discardDrop(drop);
    await this.refresh();
  }
}

function resumeText({ missing, changed, settled, others }: Chosen): string {
  const sentences = [];
  if (missing.length > 0) sentences.push(words.sending(missing.length));
  if (changed.length > 0) sentences.push(words.changed(changed.length));
  if (settled > 0) sentences.push(words.arrived(settled));
  if (others > 0) sentences.push(words.others(others));
  return sentences.join(" ");
}

function isSame({ filename, size }: UnfinishedFile, file: File): boolean {
  return file.name === filename && file.size === size;
}

function asMember({ name, webkitRelativePath, size, lastModified }: File): Member {
  return { path: webkitRelativePath || name, size, lastModified };
}

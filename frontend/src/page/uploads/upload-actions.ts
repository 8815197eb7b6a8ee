// The actions of a person on an upload in the list: download and delete.
// Must not know the list, nor how files are sent.
import type { Api } from "../../upload/api/api";
import type { Upload } from "../../upload/api/contract";
import type { Clock } from "../../upload/clock";
import { confirm } from "../messages/confirm";
import type { Messages } from "../messages/messages";
import { strings } from "../strings";
import { saveFile } from "./save-file";

export type UploadActionsOptions = {
  api: Api;
  clock: Clock;
  messages: Messages;
  /** Cancels an upload that this page sends. Returns false for other uploads. */
  cancel: (id: string) => boolean;
  /** An upload no longer exists. */
  onRemoved: (id: string) => void;
  /** The parent of the invisible frames that save files. */
  frames: HTMLElement;
};

export class UploadActions {
  readonly #options: UploadActionsOptions;

  constructor(options: UploadActionsOptions) {
    this.#options = options;
  }

  async download({ id, filename }: Upload): Promise<void> {
    const { api, clock, messages, frames } = this.#options;
    const { url } = await api.download(id);
    const onRefused = () => messages.show(strings.toasts.notSaved(filename), "bad");
    frames.append(saveFile(url, clock, onRefused));
  }

  async delete({ id, filename, state }: Upload): Promise<void> {
    const { api, cancel, onRemoved } = this.#options;
    const { title, finished, unfinished, yes, no } = strings.delete;
    const text = state === "uploading" ? unfinished : finished;
    if (!(await confirm({ title: title(filename), text, yes, no }))) return;
    if (cancel(id)) return;
    await api.remove(id);
    onRemoved(id);
  }
}

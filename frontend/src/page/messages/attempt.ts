// Runs an action of a person and shows its error. Must not know what the action does.
import { ApiError } from "../../upload/errors";
import type { Messages } from "./messages";

/** `id`: the upload that the action is about, if it is about one. */
export type Attempt = (action: () => Promise<void>, id?: string) => Promise<void>;

/** `onRemoved` is called when the upload turns out not to exist. */
export function attempts(messages: Messages, onRemoved: (id: string) => void): Attempt {
  return async (action, id) => {
    try {
      await action();
    } catch (error) {
      if (id !== undefined && error instanceof ApiError && error.status === 404) onRemoved(id);
      messages.showError(error);
    }
  };
}

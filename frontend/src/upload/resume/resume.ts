// Resumes the upload of a file that an earlier page left unfinished. Must not know how a file is sent.

import { type CallTools, callApi } from "../api/calls";
import type { PartsUpload, Upload } from "../api/contract";
import { goneAsUndefined } from "../errors";
import type { Listener, SourceFile } from "../ports";
import type { ResumeRecord } from "./resume-record";

export type ResumeOptions = CallTools & { file: SourceFile; listener?: Listener; record: ResumeRecord };

/** An upload that can continue, and the checksums of parts that S3 already has. */
export type Resumed = { unfinished: PartsUpload; checksums: ReadonlyMap<number, string> };

/**
 * Claims the file. Resolves with the upload that an earlier page created: with a new sheet if it can continue, as it is
 * if it was completed meanwhile. Resolves with undefined when there is none. Rejects with InAnotherTab.
 */
export async function resumeUpload(
  options: ResumeOptions,
  signal: AbortSignal,
): Promise<Resumed | Upload | undefined> {
  const { api, file, listener, record } = options;
  const entry = await record.claim(signal);
  if (!entry) return undefined;
  const upload = await callApi(options, () => api.get(entry.id), signal).catch(goneAsUndefined);
  if (upload?.state === "uploading") {
    const sheet = await callApi(options, () => api.sheet(entry.id, {}), signal);
    const { id, key, part_size, part_count, parts_expire_at } = entry;
    const unfinished: PartsUpload = {
      ...{ id, key, part_size, part_count, sheet },
      ...{ state: upload.state, strategy: "multipart" },
    };
    if (parts_expire_at) unfinished.parts_expire_at = parts_expire_at;
    return { unfinished, checksums: await record.checksums() };
  }
  await record.remove();
  if (upload && upload.state !== "aborted") return upload;
  listener?.restarted?.(file);
  return undefined;
}

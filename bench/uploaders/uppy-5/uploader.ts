// @uppy/aws-s3 5.1 as it comes, with Companion's endpoint; the part size is its default unless given.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import type { Options } from "../main";

export async function uploader({ api, partSize }: Options) {
  await fetch(api);
  const size = partSize ? { getChunkSize: () => partSize } : {};
  return new Uppy().use(AwsS3, { endpoint: api, ...size });
}

// @uppy/aws-s3 5.1 without changes, with Companion's endpoint. The part size is its default, unless the bench sets one.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import type { Options } from "../options";

export async function uploader({ api, partSize }: Options) {
  await fetch(api);
  const size = partSize ? { getChunkSize: () => partSize } : {};
  return new Uppy().use(AwsS3, { endpoint: api, ...size });
}

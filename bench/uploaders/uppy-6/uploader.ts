// @uppy/aws-s3 6.3 as it comes, with Companion's endpoint; the part size is its default unless given.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import type { Options } from "../main";

export async function uploader({ api, partSize }: Options): Promise<Uppy> {
  await fetch(api);
  const size = partSize ? { getChunkSize: () => partSize } : {};
  return new Uppy().use(AwsS3, { companionEndpoint: api, ...size });
}

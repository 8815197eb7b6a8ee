"""The API of Uppy's Companion, as far as an upload needs it.

Must not know about HTTP, delays or faults.
https://github.com/transloadit/uppy/blob/main/packages/%40uppy/companion/src/server/controllers/s3.ts
"""

from typing import Any

from bench.uploaders.uploads import Uploads, signed_form
from chalicelib.parts import MIB, PartPlan, plan


def companion(
    uploads: Uploads, method: str, path: list[str], body: dict[str, Any], query: dict[str, str]
) -> tuple[int, Any]:
    """Answer a request; `path` begins after /s3."""
    match method, *path:
        case "GET", "params":
            return 200, _form(uploads, query["filename"], query["type"])
        case "POST", "multipart":
            file = uploads.file(body["filename"])
            upload = uploads.begin(file, plan(file.size, put_max_size=0, part_size=16 * MIB))
            return 200, {"key": upload.key, "uploadId": upload.id, "bucket": "bucket"}
        case _:
            return _of_upload(uploads, method, path[1:])


def _form(uploads: Uploads, filename: str, content_type: str) -> dict[str, Any]:
    """A POST policy for a file of any size: Companion does not get the size."""
    file = uploads.file(filename)
    upload = uploads.begin(file, PartPlan("put", file.size, part_size=file.size, part_count=1))
    fields = {"acl": "private", "key": upload.key, "bucket": "bucket"}
    fields |= {"success_action_status": "201", "content-type": content_type}
    return {
        "method": "POST",
        "url": uploads.bucket_url(0),
        "fields": signed_form(fields),
        "expires": 800,
    }


def _of_upload(uploads: Uploads, method: str, path: list[str]) -> tuple[int, Any]:
    upload = uploads.by_id[path[0]]
    match method, *path[1:]:
        case ("GET",):
            return 200, [
                {"PartNumber": n, "ETag": f'"{n}"', "Size": s} for n, s in upload.parts.items()
            ]
        case "GET", number:
            url = f"{uploads.parts_url(0, upload)}&partNumber={number}"
            return 200, {"url": url, "expires": 800}
        case "POST", "complete":
            upload.complete()
            location = uploads.parts_url(0, upload)
            return 200, {"location": location, "key": upload.key, "bucket": "bucket"}
        case _:
            return 200, {}

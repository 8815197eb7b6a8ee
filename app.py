"""The table of contents: every route and every function of Hoist, and the use case that it calls.

A handler parses, calls and shapes; `chalicelib` decides. The order is that of a file's life: its
upload is created, its parts are sent, it is completed, processed, and its owner is notified.
"""

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from chalice.app import (
    Chalice,
    CloudWatchEvent,
    CognitoUserPoolAuthorizer,
    CORSConfig,
    EventSourceHandler,
    Rate,
    Request,
    Response,
    S3Event,
    SNSEvent,
    WebsocketEvent,
)

from chalicelib import keys, logs, requests
from chalicelib.application import application
from chalicelib.errors import NotSignedIn, TooManyPages, UploadError
from chalicelib.upload import State, Upload
from chalicelib.uploads import Created

if TYPE_CHECKING:
    from chalicelib.ports import Invocation

Result = TypeVar("Result")

settings = application().settings
app = Chalice(app_name="hoist")
app.experimental_feature_flags.add("WEBSOCKETS")
log = logging.getLogger("chalicelib.app")
logs.configure(settings.stage)

signed_in = CognitoUserPoolAuthorizer("users", provider_arns=[settings.user_pool_arn])
cors = CORSConfig(
    allow_origin=settings.page_origin,
    allow_headers=["Authorization", "Content-Type"],
    expose_headers=["Retry-After"],
    max_age=600,
)
# A body of any type is read as JSON. Chalice would refuse other types before it calls the view.
anyone = functools.partial(app.route, cors=cors, content_types=["*/*"])
route = functools.partial(anyone, authorizer=signed_in)


def problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer errors as problem documents, from inside the view so that they have CORS headers."""

    @functools.wraps(view)
    def answer(*args: Any, **kwargs: Any) -> Any:
        logs.begin(app.lambda_context)
        try:
            requests.check_body_size(request().raw_body)
            return view(*args, **kwargs)
        except UploadError as error:
            return problem(error)
        except Exception:
            log.exception("unexpected error")
            return problem(UploadError("Try again; if it fails again, ask the operator"))

    return answer


# --- The API -------------------------------------------------------------------------------------


@anyone("/limits", methods=["GET"])
@problems
def limits() -> dict[str, Any]:
    return application().uploads.limits()


@route("/uploads", methods=["POST"])
@problems
def create_upload() -> Response:
    created = application().uploads.create(owner(), **body(**requests.ANNOUNCED))
    return Response(created_document(created), status_code=201)


@route("/uploads/batch", methods=["POST"])
@problems
def create_uploads() -> dict[str, Any]:
    caller, params = owner(), body(uploads=list, idempotency_key=str | None)
    announcements = [requests.announcement(value) for value in params.pop("uploads")]
    results = application().uploads.create_all(caller, announcements, **params)
    return {"uploads": [member(result, created_document) for result in results]}


@route("/uploads/{upload_id}/sheet", methods=["POST"])
@problems
def sign_sheet(upload_id: str) -> dict[str, Any]:
    params = body(first=int | None, count=int | None, refused=bool | None, strategy=str | None)
    return application().uploads.sheet(owner(), upload_id, **params).document()


@route("/uploads/{upload_id}/parts", methods=["GET"])
@problems
def list_parts(upload_id: str) -> dict[str, Any]:
    upload, parts = application().uploads.list_parts(owner(), upload_id)
    return {
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "parts": [part.document() for part in parts],
    }


@route("/uploads/{upload_id}/complete", methods=["POST"])
@problems
def complete_upload(upload_id: str) -> Response:
    params = body(crc64nvme=str | None, wait=int | None)
    upload = application().uploads.complete(owner(), upload_id, **params)
    # 202: S3 is still making the object. Its event settles the upload.
    status = 202 if upload.state is State.UPLOADING else 200
    return Response(upload.document(), status_code=status)


@route("/uploads/complete", methods=["POST"])
@problems
def complete_uploads() -> dict[str, Any]:
    caller, ids = owner(), requests.upload_ids(request().raw_body)
    results = application().uploads.complete_all(caller, ids)
    return {"uploads": [member(result, Upload.document) for result in results]}


@route("/uploads/{upload_id}", methods=["DELETE"])
@problems
def delete_upload(upload_id: str) -> Response:
    application().uploads.delete(owner(), upload_id)
    return Response("", status_code=204)


@route("/uploads", methods=["GET"])
@problems
def list_uploads() -> dict[str, Any]:
    caller, params = owner(), requests.query(request().query_params, "state", "cursor")
    uploads, cursor = application().uploads.newest(caller, **params)
    return {"uploads": [upload.document() for upload in uploads], "cursor": cursor}


@route("/uploads/{upload_id}", methods=["GET"])
@problems
def get_upload(upload_id: str) -> dict[str, Any]:
    return application().uploads.get(owner(), upload_id).document()


@route("/uploads/{upload_id}/download", methods=["GET"])
@problems
def download_upload(upload_id: str) -> dict[str, Any]:
    url, expires_in = application().uploads.download(owner(), upload_id)
    return {"url": url, "expires_in": expires_in}


@route("/credentials", methods=["POST"])
@problems
def create_credentials() -> dict[str, str]:
    return application().credentials.create(owner())


@route("/connections", methods=["POST"])
@problems
def invite_page() -> Response:
    return Response({"url": application().browser.invite(owner())}, status_code=201)


@route("/email", methods=["GET"])
@problems
def get_email() -> dict[str, str]:
    return email_document(application().subscriptions.state(owner()))


@route("/email", methods=["PUT"])
@problems
def subscribe_email() -> dict[str, str]:
    caller, address = owner(), requests.verified_address(claims())
    return email_document(application().subscriptions.subscribe(caller, address))


@route("/email", methods=["DELETE"])
@problems
def unsubscribe_email() -> dict[str, str]:
    return email_document(application().subscriptions.unsubscribe(owner()))


# --- After the last byte -------------------------------------------------------------------------


@app.on_s3_event(
    bucket=settings.bucket,
    events=["s3:ObjectCreated:*"],
    prefix=keys.PREFIX,
    name="process_upload",
)
def process_upload(event: S3Event) -> dict[str, Any]:
    logs.begin(event.context)
    return application().processing.process(event.to_dict(), invocation(event))


class AnyS3Event(S3Event):
    """Any event of S3: Chalice's own fails on one without records, such as S3's test event."""

    def _extract_attributes(self, event_dict: dict[str, Any]) -> None:
        """Extract nothing: `to_dict` has it all."""


cast("EventSourceHandler", process_upload).event_class = AnyS3Event


@app.on_sns_message(topic=settings.results_topic_arn, name="notify")
def notify(event: SNSEvent) -> None:
    logs.begin(event.context)
    for record in event.to_dict()["Records"]:
        application().notifier.notify(record["Sns"]["Message"], invocation(event))


@app.schedule(Rate(15, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:
    logs.begin(event.context)
    return application().sweep.run(invocation(event))


# --- The owner's open pages ----------------------------------------------------------------------


@app.on_ws_connect(name="connect_page")
def connect_page(event: WebsocketEvent) -> dict[str, Any]:
    logs.begin(event.context)
    query = event.to_dict().get("queryStringParameters") or {}
    try:
        application().browser.connect(event.connection_id, query.get("ticket", ""))
    except (NotSignedIn, TooManyPages) as error:
        return {"statusCode": error.status}
    return {"statusCode": 200}


@app.on_ws_message(name="answer_page")
def answer_page(event: WebsocketEvent) -> None:
    logs.begin(event.context)
    application().browser.send(event.connection_id, {"type": "pong"})


@app.on_ws_disconnect(name="disconnect_page")
def disconnect_page(event: WebsocketEvent) -> None:
    logs.begin(event.context)
    application().browser.disconnect(event.connection_id)


# --- What the handlers share ---------------------------------------------------------------------


def request() -> Request:
    """The request that this invocation answers."""
    current = app.current_request
    if current is None:
        raise RuntimeError("there is no request to answer")
    return current


def invocation(event: S3Event | SNSEvent | CloudWatchEvent) -> "Invocation":
    """Lambda's context object; Chalice's type says that it is a dictionary."""
    return cast("Invocation", event.context)


def claims() -> dict[str, Any]:
    """The caller's Cognito claims; `chalice local` also lets in requests that have none."""
    return dict(request().context.get("authorizer", {}).get("claims", {}))


def owner() -> str:
    """The caller's Cognito `sub`."""
    return requests.owner(claims())


def body(**fields: Any) -> dict[str, Any]:
    """The members of the request's JSON object, each field of its type."""
    return requests.body(request().raw_body, fields)


def problem(error: UploadError) -> Response:
    """An error as a problem document."""
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(error.problem(), status_code=error.status, headers=headers)


def created_document(created: Created) -> dict[str, Any]:
    """A new upload with its plan and its sheet, as JSON."""
    return created.document(application().uploads.parts_expire_at(created.upload))


def email_document(state: str) -> dict[str, str]:
    """The switch "email me", as JSON."""
    return {"address": str(claims().get("email", "")), "state": state}


def member(
    result: Result | UploadError, document: Callable[[Result], dict[str, Any]]
) -> dict[str, Any]:
    """The result of one member of a batch, as JSON."""
    if not isinstance(result, UploadError):
        return {"upload": document(result)}
    # The header Retry-After is one for all members.
    later = {} if result.retry_after is None else {"retry_after": result.retry_after}
    return {"problem": result.problem() | later}

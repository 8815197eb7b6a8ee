"""The table of contents: every route and every handler of Hoist, and what it calls.

Handlers parse, call and shape; what is decided is decided in `chalicelib`. Follow a file from top
to bottom: created, sent, completed, processed, notified.
"""

import functools
import json
import logging
from collections.abc import Callable, Mapping
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

from chalicelib import keys, logs
from chalicelib.application import application
from chalicelib.browser import TooManyPages
from chalicelib.creation import Announcement
from chalicelib.errors import (
    EmailNotVerified,
    InvalidRequest,
    NotSignedIn,
    RequestTooLarge,
    UploadError,
)
from chalicelib.signing import AnySheet, Form
from chalicelib.upload import State, Upload, written
from chalicelib.uploads import Created

if TYPE_CHECKING:
    from chalicelib.ports import Invocation

Answer = TypeVar("Answer")

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
# A body of any type is read as JSON: Chalice would answer others before a view is asked.
anyone = functools.partial(app.route, cors=cors, content_types=["*/*"])
route = functools.partial(anyone, authorizer=signed_in)

# Bytes. The largest body that makes sense announces a hundred files, each in less than 4 KB.
MAX_BODY_SIZE = 1024 * 1024
# What a client says of a file that it is about to send; see `Announcement`.
ANNOUNCED = {
    "filename": str,
    "size": int,
    "content_type": str | None,
    "crc64nvme": str | None,
    "idempotency_key": str | None,
    "strategy": str | None,
}


def problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer errors as problem documents; from inside the view, so that they keep CORS headers."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        logs.begin(app.lambda_context)
        try:
            check_size(request())
            return view(*args, **kwargs)
        except UploadError as error:
            return refusal(error)
        except Exception:
            log.exception("unexpected error")
            return refusal(UploadError("Try again; if it stays, tell the operator"))

    return answered


# --- The API -------------------------------------------------------------------------------------


@anyone("/limits", methods=["GET"])
@problems
def limits() -> dict[str, Any]:
    return application().uploads.limits()


@route("/uploads", methods=["POST"])
@problems
def create_upload() -> Response:
    created = application().uploads.create(owner(), **body(**ANNOUNCED))
    return Response(begun(created), status_code=201)


@route("/uploads/batch", methods=["POST"])
@problems
def create_uploads() -> dict[str, Any]:
    caller, asked = owner(), body(uploads=list, idempotency_key=str | None)
    announced = [announcement(member) for member in asked.pop("uploads")]
    created = application().uploads.create_all(caller, announced, **asked)
    return {"uploads": [outcome(one, begun) for one in created]}


@route("/uploads/{upload_id}/sheet", methods=["POST"])
@problems
def sign_sheet(upload_id: str) -> dict[str, Any]:
    sheet = application().uploads.sheet(
        owner(),
        upload_id,
        **body(first=int | None, count=int | None, refused=bool | None, strategy=str | None),
    )
    return shown(sheet)


@route("/uploads/{upload_id}/parts", methods=["GET"])
@problems
def list_parts(upload_id: str) -> dict[str, Any]:
    upload, parts = application().uploads.list_parts(owner(), upload_id)
    return {
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "parts": [
            {"number": part.number, "size": part.size, "etag": part.etag}
            | ({"crc64nvme": part.crc64nvme} if part.crc64nvme else {})
            for part in parts
        ],
    }


@route("/uploads/{upload_id}/complete", methods=["POST"])
@problems
def complete_upload(upload_id: str) -> Response:
    upload = application().uploads.complete(
        owner(), upload_id, **body(crc64nvme=str | None, wait=int | None)
    )
    # S3 goes on with what takes it long; its event settles the upload.
    status = 202 if upload.state is State.UPLOADING else 200
    return Response(upload.document(), status_code=status)


@route("/uploads/complete", methods=["POST"])
@problems
def complete_uploads() -> dict[str, Any]:
    caller, ids = owner(), body(ids=list)["ids"]
    if not all(isinstance(upload_id, str) for upload_id in ids):
        raise InvalidRequest("ids are texts")
    completed = application().uploads.complete_all(caller, ids)
    return {"uploads": [outcome(one, Upload.document) for one in completed]}


@route("/uploads/{upload_id}", methods=["DELETE"])
@problems
def delete_upload(upload_id: str) -> Response:
    application().uploads.delete(owner(), upload_id)
    return Response("", status_code=204)


@route("/uploads", methods=["GET"])
@problems
def list_uploads() -> dict[str, Any]:
    uploads, cursor = application().uploads.newest(owner(), **query("state", "cursor"))
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
def lend_credentials() -> dict[str, str]:
    return application().credentials.lend(owner())


@route("/connections", methods=["POST"])
@problems
def invite_page() -> Response:
    return Response({"url": application().browser.invite(owner())}, status_code=201)


@route("/email", methods=["GET"])
@problems
def get_email() -> dict[str, str]:
    return mailing(application().subscriptions.state(owner()))


@route("/email", methods=["PUT"])
@problems
def subscribe_email() -> dict[str, str]:
    return mailing(application().subscriptions.subscribe(owner(), verified_address()))


@route("/email", methods=["DELETE"])
@problems
def unsubscribe_email() -> dict[str, str]:
    return mailing(application().subscriptions.unsubscribe(owner()))


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
        """Nothing: `to_dict` has it all."""


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
    except NotSignedIn as error:
        return {"statusCode": error.status}
    except TooManyPages:
        return {"statusCode": 429}
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
    """The request that is being answered."""
    current = app.current_request
    if current is None:
        raise RuntimeError("no request is being answered")
    return current


def invocation(event: S3Event | SNSEvent | CloudWatchEvent) -> "Invocation":
    """Lambda's context object; Chalice says that it is a dictionary."""
    return cast("Invocation", event.context)


def check_size(asked: Request) -> None:
    """Refuse a body larger than any request needs, whether the route reads one or not."""
    if len(asked.raw_body) > MAX_BODY_SIZE:
        raise RequestTooLarge(f"The limit is {MAX_BODY_SIZE} bytes", max_size=MAX_BODY_SIZE)


def refusal(error: UploadError) -> Response:
    """An error as a problem document."""
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(error.problem(), status_code=error.status, headers=headers)


def claims() -> dict[str, Any]:
    """What Cognito says of the caller. `chalice local` alone lets requests without a token in."""
    return dict(request().context.get("authorizer", {}).get("claims", {}))


def owner() -> str:
    """The caller's Cognito `sub`."""
    subject = claims().get("sub")
    if not isinstance(subject, str) or not keys.is_owner(subject):
        raise NotSignedIn("Send the id token as Authorization: Bearer …")
    return subject


def verified_address() -> str:
    """The caller's email address, if Cognito has seen that it is theirs."""
    address = claims().get("email")
    # API Gateway hands claims on as texts, `chalice local` as they are.
    if not address or str(claims().get("email_verified")).lower() != "true":
        raise EmailNotVerified("Confirm the address of your account first, then sign in again")
    return str(address)


def mailing(state: str) -> dict[str, str]:
    """The switch "email me" as the contract has it."""
    return {"address": str(claims().get("email", "")), "state": state}


def body(**fields: Any) -> dict[str, Any]:
    """The request's JSON object, each field of the type that is named, the optional ones absent."""
    raw = request().raw_body
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        sent = json.loads(text or "{}", parse_float=number)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON") from error
    return members(sent, fields, of="The body")


def members(sent: Any, fields: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """The members of a JSON object, as `body` has them."""
    if not isinstance(sent, dict):
        raise InvalidRequest(f"{of} is not a JSON object")
    if unknown := sent.keys() - fields.keys():
        raise InvalidRequest(f"Unknown fields: {', '.join(sorted(unknown))}")
    for name, kind in fields.items():
        value = sent.get(name)
        # A bool is an int to Python, not to JSON.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind != bool | None):
            raise InvalidRequest(f"{name} is missing or of the wrong type")
    return {name: value for name, value in sent.items() if value is not None}


def announcement(sent: Any) -> Announcement | UploadError:
    """A member of a batch, or why it is none: that is no fault of the other members."""
    try:
        return Announcement(**members(sent, ANNOUNCED, of="A member"))
    except InvalidRequest as error:
        return error


def query(*names: str) -> dict[str, str]:
    """The request's query parameters; the last of one that comes twice."""
    sent: Any = request().query_params or {}
    if unknown := sent.keys() - set(names):
        raise InvalidRequest(f"Unknown parameters: {', '.join(sorted(unknown))}")
    return {name: sent[name] for name in sent}


def number(text: str) -> float:
    """A number with a point or an exponent; 5.0 and 5e0 are whole numbers, as in JSON Schema."""
    value = float(text)
    return int(value) if value.is_integer() else value


def begun(created: Created) -> dict[str, Any]:
    """An upload that began, with its plan and its sheet."""
    upload, sheet = created
    expire_at = application().uploads.parts_expire_at(upload)
    return {
        "id": upload.id,
        "key": upload.key,
        "state": upload.state.value,
        "strategy": "post" if isinstance(sheet, Form) else upload.plan.strategy,
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "sheet": shown(sheet),
        **({"parts_expire_at": written(expire_at)} if expire_at else {}),
    }


def outcome(one: Answer | UploadError, show: Callable[[Answer], Any]) -> dict[str, Any]:
    """What one member of a request came to."""
    if not isinstance(one, UploadError):
        return {"upload": show(one)}
    # There is one header Retry-After for all members.
    later = {} if one.retry_after is None else {"retry_after": one.retry_after}
    return {"problem": one.problem() | later}


def shown(sheet: AnySheet) -> dict[str, Any]:
    """A sheet as the contract has it."""
    expires_at = sheet.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(sheet, Form):
        return {"url": sheet.url, "fields": dict(sheet.fields), "expires_at": expires_at}
    return {
        "urls": list(sheet.urls),
        "first": sheet.first,
        "signatures": list(sheet.signatures),
        "other_signatures": [list(signatures) for signatures in sheet.other_signatures],
        "headers": dict(sheet.headers),
        "expires_at": expires_at,
    }

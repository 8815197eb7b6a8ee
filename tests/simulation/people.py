"""Everybody outside Hoist: browsers, tools with temporary credentials, operators, other programs.

Each action is a task of its own. A browser sends the announced file once or repeatedly, and may
complete the upload. Credentials let an owner write any key below their prefix, also a key in use.
"""

from collections.abc import Callable
from datetime import timedelta

from chalicelib import keys
from chalicelib.errors import TryAgain, UploadError
from chalicelib.sweep import event_again
from chalicelib.upload import Announcement, State, Upload
from tests.simulation.s3 import Content
from tests.simulation.world import API_SECONDS, World

OWNERS = ("alice", "bob")
GOOD = Content("good", 20, "e-good", is_good=True)
LARGE = Content("large", 60, "e-large", is_good=True)
HUGE = Content("huge", 200, "e-huge", is_good=True)
EVIL = Content("evil", 20, "e-evil", is_good=False)
# One MD5, and so one ETag, for two contents.
TWIN = Content("twin", 20, "e-twin", is_good=True)
EVIL_TWIN = Content("evil twin", 20, "e-twin", is_good=False)
# Other bytes with the same length and checksum, which a form accepts as well.
FORGED = Content("forged", 20, "e-forged", is_good=False, like="good")
FORBIDDEN = Content("forbidden", 20, "e-forbidden", is_good=True, is_forbidden=True)
CONTENTS = (FORBIDDEN, GOOD, LARGE, HUGE, EVIL, TWIN, EVIL_TWIN)
# What tools with credentials write; the last two are folders that tools make.
PATHS = ("report.txt", "deep/er/photo.txt", "one.txt", "folder/", "/")


class People:
    """Everybody outside, and the uploads and forms that they have."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        # Owner, upload and content of each upload that a browser created.
        self.created: list[tuple[str, Upload, Content]] = []
        # The upload and announced content of each form; a form works more than once.
        self.forms: list[tuple[Upload, Content]] = []
        self.downloads: list[str] = []

    def act(self) -> None:
        """One random action."""
        weighted: tuple[tuple[int, Callable[[], None]], ...] = (
            (8, self.upload),
            (4, self.drop),
            (6, self.overwrite),
            (3, self.replay),
            (3, self.send_form_again),
            (3, self.delete),
            (3, self.download),
            (2, self.complete),
            (2, self.world.start_sweep),
            (1, self.redrive),
            (1, self.tag),
            (1, self.wait_days),
        )
        actions = [action for _, action in weighted]
        (action,) = self.random.choices(actions, [weight for weight, _ in weighted])
        action()

    def upload(self) -> None:
        """A browser announces a file, sends it, and may complete it."""
        owner = self.random.choice(OWNERS)
        content = self.random.choice(CONTENTS)
        is_multipart = content.size > self.world.settings.put_max_size
        declares = self.random.random() < 0.5
        finishes = self.random.random()

        def work() -> None:
            upload, _ = self._create_with_retries(
                lambda key: self.world.uploads.create(
                    owner,
                    filename="file.txt",
                    size=content.size,
                    content_type="text/plain",
                    crc64nvme="rosUhgp5mIg=" if declares and is_multipart else None,
                    idempotency_key=key,
                )
            )
            self.created.append((owner, upload, content))
            if finishes < 0.15:
                return
            self.world.scheduler.sleep(self.random.random() * 5)
            if upload.multipart_id is None:
                self.world.s3.put(upload.key, content, once=True)
            else:
                self.world.s3.put_parts(upload.multipart_id, content)
            if finishes > 0.4 or upload.multipart_id is not None:
                self.world.uploads.complete(owner, upload.id)

        self._request("browser", work)

    def _create_with_retries(
        self, create: Callable[[str], tuple[Upload, object]]
    ) -> tuple[Upload, object]:
        """Create an upload, and retry with the same idempotency key, as the engine does."""
        key = f"key-{self.random.randrange(10**9)}"
        for _ in range(3):
            try:
                return create(key)
            except TryAgain:
                self.world.scheduler.sleep(1)
        return create(key)

    def drop(self) -> None:
        """A browser announces several files in one request, and sends them by forms."""
        owner = self.random.choice(OWNERS)
        contents = self.random.choices((GOOD, EVIL, TWIN, LARGE), k=self.random.randrange(1, 6))
        # At most one multipart upload: Hoist starts several in threads, which cannot take turns.
        contents = [
            *[c for c in contents if c is not LARGE],
            *([LARGE] if LARGE in contents else []),
        ]
        announced = [
            Announcement(
                filename="file.txt",
                size=content.size,
                content_type="text/plain",
                crc64nvme=content.crc64nvme,
            )
            for content in contents
        ]
        key = f"drop-{self.random.randrange(10**9)}"

        def work() -> None:
            for _ in range(3):
                outcomes = self.world.uploads.create_all(owner, announced, idempotency_key=key)
                if not any(isinstance(outcome, TryAgain) for outcome in outcomes):
                    break
                self.world.scheduler.sleep(1)
            for outcome, content in zip(outcomes, contents, strict=True):
                if isinstance(outcome, UploadError):
                    self.world.scheduler.say(f"the API refuses a file: {outcome.code}")
                    continue
                self._send(owner, outcome[0], content)

        self._request("drop", work)

    def _send(self, owner: str, upload: Upload, content: Content) -> None:
        """Send the announced content; a browser completes only a multipart upload."""
        self.created.append((owner, upload, content))
        self.world.scheduler.sleep(self.random.random())
        if upload.multipart_id is None:
            self.forms.append((upload, content))
            self.world.s3.put(upload.key, content)
        else:
            self.world.s3.put_parts(upload.multipart_id, content)
            self.world.uploads.complete(owner, upload.id)

    def send_form_again(self) -> None:
        """A browser sends a form again, with the same bytes or with forged ones."""
        ends = timedelta(seconds=self.world.settings.url_lifetime)
        usable = [form for form in self.forms if self.world.now() - form[0].created_at < ends]
        if not usable:
            return
        upload, content = self.random.choice(usable)
        same_sum = [c for c in (*CONTENTS, FORGED) if c.crc64nvme == content.crc64nvme]
        self.world.s3.put(upload.key, self.random.choice(same_sum))

    def overwrite(self) -> None:
        """A tool with credentials writes a key: a new one, or one that is in use."""
        owner = self.random.choice(OWNERS)
        used = [upload.key for whose, upload, _ in self.created if whose == owner]
        prefix = keys.owner_prefix(owner)
        if used and self.random.random() < 0.4:
            key = self.random.choice(used)
        else:
            key = prefix + self.random.choice(PATHS)
        archived = self.random.random() < 0.1
        self.world.s3.put(key, self.random.choice(CONTENTS), archived=archived)

    def replay(self) -> None:
        """A browser uses the URL of a single PUT again, with other bytes of the same length."""
        uploads = [u for _, u, _ in self.created if u.multipart_id is None]
        if not uploads:
            return
        upload = self.random.choice(uploads)
        same_size = [content for content in CONTENTS if content.size == upload.size]
        self.world.s3.put(upload.key, self.random.choice(same_size), once=True)

    def delete(self) -> None:
        """An owner deletes an upload."""
        rows = self.world.rows()
        if rows:
            upload = self.random.choice(rows)
            self.world.asked_to_delete.add(upload.key)
            self._request("delete", lambda: self.world.uploads.delete(upload.owner, upload.id))

    def complete(self) -> None:
        """A browser completes an earlier upload, late or again."""
        if self.created:
            owner, upload, _ = self.random.choice(self.created)
            self._request("complete", lambda: self.world.uploads.complete(owner, upload.id))

    def download(self) -> None:
        """An owner downloads an accepted upload, whose object must be good."""
        rows = [row for row in self.world.rows() if row.state is State.ACCEPTED]
        if not rows:
            return
        upload = self.random.choice(rows)

        def work() -> None:
            self.world.uploads.download(upload.owner, upload.id)
            content = self.world.s3.last_seen[self.world.who()]
            if not content.is_good:
                self.downloads.append(f"the API let {content.name} be downloaded as {upload.key}")

        self._request("download", work)

    def redrive(self) -> None:
        """An operator retries failed uploads, and sends the dead letters again."""
        for row in self.world.rows():
            if row.state is State.FAILED:
                self.world.scheduler.say(f"redrive {row.id}")
                self.world.invoke_processing(event_again(row, "bucket"))
        letters, self.world.dead_letters[:] = list(self.world.dead_letters), []
        for letter in letters:
            self.world.notify(letter)

    def tag(self) -> None:
        """GuardDuty tags an object."""
        if self.world.s3.objects:
            tagged = self.random.choice(list(self.world.s3.objects.values()))
            tagged.tags["GuardDutyMalwareScanStatus"] = "NO_THREATS_FOUND"

    def wait_days(self) -> None:
        """Days pass."""
        self.world.scheduler.later(self.random.choice((1, 3, 9)) * 86400, self.world.pass_time)

    def _request(self, name: str, work: Callable[[], object]) -> None:
        """Start a request to the API; its task dies after API Gateway's time limit."""

        def handle() -> None:
            try:
                work()
            except UploadError as error:
                self.world.scheduler.say(f"the API answers {error.code}")
            except Exception as error:
                self.world.unexpected.append(f"{name}: {error!r}")
                raise

        number = self.world.number(name)
        self.world.scheduler.start(f"{name}-{number}", handle, seconds=API_SECONDS)

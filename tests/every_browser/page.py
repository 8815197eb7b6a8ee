"""Hoist's page in a browser, by what a person does there and sees."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tests.browser.test_uploader import JOURNALED
from tests.every_browser.driver import Driver
from tests.support.running import eventually

# Whether the page was about to be left, as it is asked before it is.
WATCH = """() => {
    window.asked = 0;
    addEventListener("beforeunload", () => { window.asked++; });
}"""
# From now on the API signs downloads wrongly, so that S3 refuses them.
SPOIL = """() => {
    const { json } = Response.prototype;
    Response.prototype.json = async function () {
        const answer = await json.call(this);
        if (this.url.endsWith("/download")) answer.url += "0";
        return answer;
    };
}"""
TEXTS = "(selector) => [...document.querySelectorAll(selector)].map((found) => found.textContent)"
SHOW = "(selector) => document.querySelector(selector).scrollIntoView({ block: 'center' })"
STATES = """(filename) => [...document.querySelectorAll("[data-testid=upload]")]
    .filter(({ dataset }) => dataset.filename === filename)
    .map(({ dataset }) => dataset.state)"""


@dataclass
class OpenPage:
    driver: Driver
    origin: str

    def sign_in(self) -> None:
        """As the demo account, unless an earlier page did; returns when news reach the page."""
        self.driver.open(self.origin)
        self.wait_for(".form, [data-live=true]")
        if self.texts(".form"):
            self.click("[data-testid=demo]")
        self.wait_for("[data-live=true]")

    def choose(self, *paths: Path) -> None:
        self.wait_for("input[type=file]")
        self.driver.choose("input[type=file]", *paths)

    def click(self, selector: str) -> None:
        self.wait_for(selector)
        self.driver.run(SHOW, selector)
        self.driver.click(selector)

    def wait_for(self, selector: str) -> list[str]:
        """The texts of what a selector finds, once it finds something."""
        return eventually(lambda: self.texts(selector), bool)

    def texts(self, selector: str) -> list[str]:
        return list(self.driver.run(TEXTS, selector))

    def states(self, path: Path) -> list[str]:
        """The states of the uploads of this name."""
        return list(self.driver.run(STATES, path.name))

    def is_accepted(self, *paths: Path) -> None:
        for path in paths:
            eventually(lambda path=path: self.states(path), lambda found: found == ["accepted"], 90)

    def parts_arrived(self, count: int) -> None:
        """Wait until so many parts are in S3, and the page has noted it."""
        eventually(lambda: self.driver.run(JOURNALED), lambda parts: parts == count)

    def reload(self) -> None:
        self.driver.reload()
        self.wait_for("[data-live=true]")

    def watch(self) -> None:
        """From now on the page counts how often it is about to be left."""
        self.driver.run(WATCH)

    def spoil_downloads(self) -> None:
        self.driver.run(SPOIL)

    @property
    def asked(self) -> int:
        return int(self.driver.run("() => window.asked"))

    def download(self, path: Path) -> None:
        """Save an accepted file, and wait until it has come back as it was sent."""
        saved = self.driver.downloads / path.name
        self.click(row(path, "[data-testid=download]"))
        eventually(
            lambda: saved.is_file() and sha256(saved), lambda found: found == sha256(path), 15
        )
        saved.unlink()


def row(path: Path, selector: str) -> str:
    """What is in the row of an upload."""
    return f"[data-testid=upload][data-filename='{path.name}'] {selector}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

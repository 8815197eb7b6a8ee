"""Hoist's page in a browser: the actions of a person, and the texts they see."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.browser.test_uploader import JOURNALED
from tests.every_browser.driver import Driver
from tests.support.running import eventually

# Counts how often the page is about to be left, from `beforeunload`.
WATCH = """() => {
    window.leaving = 0;
    addEventListener("beforeunload", () => { window.leaving++; });
}"""
# Makes the signatures of downloads wrong from now on, so that S3 refuses them.
SPOIL = """() => {
    const { json } = Response.prototype;
    Response.prototype.json = async function () {
        const answer = await json.call(this);
        if (this.url.endsWith("/download")) answer.url += "0";
        return answer;
    };
}"""
TEXTS = "(selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent)"
SHOW = "(selector) => document.querySelector(selector).scrollIntoView({ block: 'center' })"
STATES = """(filename) => [...document.querySelectorAll("[data-testid=upload]")]
    .filter(({ dataset }) => dataset.filename === filename)
    .map(({ dataset }) => dataset.state)"""


@dataclass
class OpenPage:
    driver: Driver
    origin: str

    def sign_in(self) -> None:
        """Sign in with the demo account, unless an earlier page did, and wait for live updates."""
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
        """The texts of the elements that match a selector, once there is one."""
        return eventually(lambda: self.texts(selector), bool)

    def texts(self, selector: str) -> list[str]:
        return list(self.driver.run(TEXTS, selector))

    def states(self, path: Path) -> list[str]:
        """The states of the uploads with this name."""
        return list(self.driver.run(STATES, path.name))

    def wait_until_accepted(self, *paths: Path) -> None:
        for path in paths:
            eventually(partial(self.states, path), lambda states: states == ["accepted"], 90)

    def wait_for_parts(self, count: int) -> None:
        """Wait until `count` parts are in S3 and in the page's journal."""
        eventually(lambda: self.driver.run(JOURNALED), lambda parts: parts == count)

    def reload(self) -> None:
        self.driver.reload()
        self.wait_for("[data-live=true]")

    def count_leaving(self) -> None:
        """Count from now on how often the page is about to be left."""
        self.driver.run(WATCH)

    def spoil_downloads(self) -> None:
        self.driver.run(SPOIL)

    @property
    def leaving(self) -> int:
        return int(self.driver.run("() => window.leaving"))

    def download(self, path: Path) -> None:
        """Save an accepted file, and wait until it is identical to the original."""
        saved = self.driver.downloads / path.name
        self.click(row(path, "[data-testid=download]"))
        eventually(
            lambda: saved.is_file() and sha256(saved), lambda digest: digest == sha256(path), 15
        )
        saved.unlink()


def row(path: Path, selector: str) -> str:
    """The selector of an element in the row of an upload."""
    return f"[data-testid=upload][data-filename='{path.name}'] {selector}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Drives Firefox with WebDriver BiDi, which Firefox has built in. https://w3c.github.io/webdriver-bidi/"""

import asyncio
import base64
import contextlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from tests.every_browser.driver import PATIENCE, call, end, executable

LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PREFERENCES = {
    "browser.download.folderList": 2,  # the folder of browser.download.dir
    "browser.download.alwaysOpenPanel": False,
    "browser.shell.checkDefaultBrowser": False,
    # No connections outside this machine: other names use a proxy that does not exist.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1,localhost",
}


class Firefox:
    def __init__(self, folder: Path) -> None:
        program = executable("firefox-esr", "firefox")
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        profile = folder / "profile"
        profile.mkdir()
        preferences = {**PREFERENCES, "browser.download.dir": str(self.downloads)}
        (profile / "user.js").write_text(
            "".join(
                f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
                for name, value in preferences.items()
            )
        )
        with contextlib.ExitStack() as undo:
            log = folder / "firefox.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [program, "--headless", "--no-remote", "--profile", str(profile),
                     "--remote-debugging-port", "0", "about:blank"],
                    stdout=output, stderr=output,
                )  # fmt: skip
            self._runner = undo.enter_context(asyncio.Runner())
            undo.callback(end, process)
            self._runner.run(self._connect(log))
            undo.callback(lambda: self._runner.run(self._disconnect()))
            self._start_session()
            self._running = undo.pop_all()

    def _start_session(self) -> None:
        accept = {"alwaysMatch": {"unhandledPromptBehavior": {"beforeUnload": "accept"}}}
        self._command("session.new", capabilities=accept)
        (tab,) = self._command("browsingContext.getTree")["contexts"]
        self._tab = tab["context"]

    def open(self, url: str) -> None:
        self._command("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def reload(self) -> None:
        self._command("browsingContext.reload", context=self._tab, wait="complete")

    def run(self, script: str, *arguments: Any) -> Any:
        answer = self._command(
            "script.evaluate", expression=call(script, arguments),
            target={"context": self._tab}, awaitPromise=True,
        )  # fmt: skip
        assert answer["type"] == "success", answer["exceptionDetails"]
        return json.loads(answer["result"]["value"])

    def click(self, selector: str) -> None:
        middle = {"type": "element", "element": self._element(selector)}
        mouse = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": middle},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        actions = [{"type": "pointer", "id": "mouse", "actions": mouse}]
        self._command("input.performActions", context=self._tab, actions=actions)

    def choose(self, selector: str, *paths: Path) -> None:
        self._command(
            "input.setFiles", context=self._tab, element=self._element(selector),
            files=[str(path) for path in paths],
        )  # fmt: skip

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._command("browsingContext.setViewport", context=self._tab, viewport=size)

    def picture(self, path: Path) -> None:
        answer = self._command("browsingContext.captureScreenshot", context=self._tab)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        self._running.close()

    def _element(self, selector: str) -> dict[str, str]:
        """A reference to the first element that matches the selector."""
        locator = {"type": "css", "value": selector}
        result = self._command("browsingContext.locateNodes", context=self._tab, locator=locator)
        assert result["nodes"], f"nothing matches {selector}"
        return {"sharedId": result["nodes"][0]["sharedId"]}

    async def _connect(self, log: Path) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (match := LISTENING.search(log.read_text(errors="replace"))):
                await asyncio.sleep(0.05)
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(f"{match[1]}/session", max_msg_size=0)
        self._number = 0

    async def _disconnect(self) -> None:
        await self._socket.close()
        await self._client.close()

    def _command(self, method: str, **parameters: Any) -> Any:
        return self._runner.run(self._send_command(method, parameters))

    async def _send_command(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(PATIENCE):
            while (answer := await self._socket.receive_json()).get("id") != self._number:
                pass  # an event
        assert answer["type"] == "success", answer
        return answer["result"]

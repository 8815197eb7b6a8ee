"""Drives WebKit, the engine of Safari, with WebDriver: WebKitGTK's MiniBrowser on a virtual screen.

https://www.w3.org/TR/webdriver2/
"""

import base64
import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local.home import HOST, free_ports
from tests.every_browser.driver import call, end, executable
from tests.support.running import call as request
from tests.support.running import eventually

# The field with the reference of an element in WebDriver's JSON.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Debian installs the browser in a folder that is not on PATH.
BROWSERS = [str(path) for path in Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")]


class WebKit:
    def __init__(self, folder: Path) -> None:
        screen, driver = executable("Xvfb"), executable("WebKitWebDriver")
        browser = executable("MiniBrowser", *BROWSERS)
        # MiniBrowser saves files in the home directory unless a folder for downloads is set.
        self.downloads = folder / "home"
        self.downloads.mkdir()
        with contextlib.ExitStack() as undo:
            display = self._start_screen(screen, undo)
            self._start_driver(driver, display, folder / "webkit.log", undo)
            self._start_session(browser)
            self._running = undo.pop_all()

    def _start_screen(self, program: str, undo: contextlib.ExitStack) -> str:
        """Start a virtual screen and return its name."""
        command = [program, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        undo.callback(end, process)
        assert process.stdout is not None
        undo.callback(process.stdout.close)
        return f":{process.stdout.readline().strip()}"

    def _start_driver(
        self, program: str, display: str, log: Path, undo: contextlib.ExitStack
    ) -> None:
        environment = {**os.environ, "DISPLAY": display, "HOME": str(self.downloads)}
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        (port,) = free_ports(1)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, f"--port={port}"], env=environment, stdout=output, stderr=output
            )
        undo.callback(end, process)
        self._url = f"http://{HOST}:{port}"
        eventually(self._is_ready, bool)

    def _start_session(self, browser: str) -> None:
        capabilities = {
            "browserName": "MiniBrowser",
            "webkitgtk:browserOptions": {"binary": browser, "args": ["--automation"]},
            "unhandledPromptBehavior": "accept",
        }
        session = self._command("POST", "/session", capabilities={"alwaysMatch": capabilities})
        self._url += f"/session/{session['sessionId']}"

    def open(self, url: str) -> None:
        self._command("POST", "/url", url=url)

    def reload(self) -> None:
        self._command("POST", "/refresh")

    def run(self, script: str, *arguments: Any) -> Any:
        expression = call(script, arguments)
        return json.loads(
            self._command("POST", "/execute/sync", script=f"return {expression}", args=[])
        )

    def click(self, selector: str) -> None:
        self._command("POST", f"/element/{self._element(selector)}/click")

    def choose(self, selector: str, *paths: Path) -> None:
        text = "\n".join(map(str, paths))
        self._command("POST", f"/element/{self._element(selector)}/value", text=text)

    def resize(self, width: int, height: int) -> None:
        self._command("POST", "/window/rect", width=width, height=height)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._command("GET", "/screenshot")))

    def close(self) -> None:
        with self._running:
            self._command("DELETE", "")

    def _element(self, selector: str) -> str:
        """The reference of the first element that matches the selector."""
        value = {"using": "css selector", "value": selector}
        return str(self._command("POST", "/element", **value)[ELEMENT])

    def _is_ready(self) -> bool:
        try:
            return bool(self._command("GET", "/status")["ready"])
        except OSError:
            return False

    def _command(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        answer = request(method, self._url + path, body if method == "POST" else None, headers)
        assert answer.status == 200, answer.body
        return answer.json["value"]

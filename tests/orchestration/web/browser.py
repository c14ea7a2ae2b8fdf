"""A headless Chromium, driven over its debugging protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_WAIT_S = 60


@contextmanager
def started_browser(folder: Path) -> "Iterator[Browser]":
    """Start Chromium with a profile in a folder, and end it afterwards."""
    options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", "--no-first-run"]
    options += ["--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900"]
    if os.getuid() == 0:
        options.append("--no-sandbox")
    command = [str(PROGRAM), *options, "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = folder / "DevToolsActivePort"
        wait_until(lambda: said.exists() and said.read_text().count("\n"))
        port, path = said.read_text().splitlines()
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait()


def wait_until(true: Callable[[], object], wait_s: float = _WAIT_S) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.2)


class Browser:
    """One tab, with cookies of its own."""

    def __init__(self, socket: Any):
        self._socket = socket
        self._numbers = itertools.count(1)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")

    def open(self, address: str) -> str:
        """Go where a person would go who types this address; return the address that is there in the end."""
        self._call("Page.navigate", url=address, transitionType="typed")
        wait_until(lambda: self.run("document.readyState") == "complete")
        return self.run("location.href")

    def run(self, script: str) -> object:
        """Return what an expression of JavaScript, or its promise, gives in the page."""
        given = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    def text(self) -> str:
        """Return what the page says."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def press(self, key: str) -> None:
        """Press a key, as a person would who looks at the page."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r" if key == "Enter" else key} if kind == "keyDown" and key != "Tab" else {}
            self._call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the page, px."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, file: Path) -> None:
        """Write what the page looks like."""
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **parameters: object) -> dict:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=_WAIT_S))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

"""A headless Chromium, driven over its debugging protocol."""

import base64
import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from websockets.sync.client import connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed: nothing shows a page")
_WAIT_S = 120
# What `Input.dispatchKeyEvent` has to be told of keys that are no letters, beside their names.
_KEY_CODES = {
    "Tab": 9,
    "Enter": 13,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
_TEXTS = {"Enter": "\r"}


@contextmanager
def started_browser(folder: Path) -> "Iterator[Browser]":
    """Start Chromium with a profile in a folder, and end it afterwards."""
    options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", "--no-first-run"]
    options += ["--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900", "--disable-quic"]
    # A browser of tests asks nothing of its maker.
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
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


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application in a thread of this process; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


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

    def press(self, *keys: str) -> None:
        """Press keys, as a person would who looks at the page."""
        for key in keys:
            named = len(key) > 1
            text = _TEXTS.get(key, "" if named else key)
            code = {"windowsVirtualKeyCode": _KEY_CODES[key]} if key in _KEY_CODES else {}
            for kind in ("keyDown", "keyUp"):
                typed = {"text": text} if kind == "keyDown" and text else {}
                self._call("Input.dispatchKeyEvent", type=kind, key=key, **code, **typed)

    def follow(self, key: str = "Enter") -> str:
        """Press a key that leads to another page; return that one's address when it is there."""
        self.run("window.isStillHere = true")
        self.press(key)
        wait_until(lambda: self.run("!window.isStillHere && document.readyState === 'complete'"))
        return str(self.run("location.href"))

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page another size, px."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def violations(self) -> list[str]:
        """Return what axe-core finds serious or critical on the page: rule and element."""
        # Found without its package, which asks for another driver of browsers.
        script = Path(str(find_spec("axe_playwright_python").origin)).with_name("axe.min.js")
        self.run(f"{script.read_text(encoding='utf-8')};0")
        found: Any = self.run("axe.run(document).then((said) => said.violations)")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def click(self, x: float, y: float) -> None:
        """Click at a place of the page, px."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, from_x: float, from_y: float, to_x: float, to_y: float) -> None:
        """Press at a place of the page, px, and let go at another."""
        for kind, x, y in (
            ("mouseMoved", from_x, from_y),
            ("mousePressed", from_x, from_y),
            ("mouseMoved", to_x, to_y),
            ("mouseReleased", to_x, to_y),
        ):
            held = {} if kind == "mouseMoved" and (x, y) == (from_x, from_y) else {"buttons": 1}
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1, **held)

    def picture(self, file: Path) -> None:
        """Write what the page looks like, as JPEG or PNG by the file's name."""
        kind = {"format": "jpeg", "quality": 80} if file.suffix == ".jpg" else {"format": "png"}
        file.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", **kind)["data"]))

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

"""What the tests of the guard share: an application that writes down what reaches it."""

import asyncio
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import pytest
from starlette.datastructures import Headers

TOKEN = "a-token-of-the-tests-0123456789"


class Recorder:
    """Answers everything, and keeps what reached it."""

    def __init__(self):
        self.reached = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        self.reached.append(f"{scope.get('method', 'WEBSOCKET')} {scope['path']}")
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "a face"})
            await send({"type": "websocket.close"})
            return
        headers = [
            (b"content-type", b"text/html"),
            (b"content-security-policy", b"object-src 'none'"),
            (b"referrer-policy", b"no-referrer"),  # with which a page's own forms come from the origin "null"
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<title>inside</title>inside"})


@dataclass
class Answer:
    """What an application sent; 101 where it took a WebSocket, 0 where it only closed one."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    text: str = ""


def ask(app, method, address, headers=None, *, extensions=("websocket.http.response",)):
    """Put one request to an application, as a server would; the method WEBSOCKET asks for one."""
    split = urlsplit(address)
    given = {"host": split.netloc} | (headers or {})
    scope = {
        "type": "websocket" if method == "WEBSOCKET" else "http",
        "scheme": split.scheme,
        "method": method,
        "path": unquote(split.path),
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "extensions": dict.fromkeys(extensions, {}),
    }
    answer = Answer()

    async def send(message):
        if message["type"].endswith("response.start"):
            answer.status, answer.headers = message["status"], Headers(raw=message["headers"])
        elif message["type"].endswith("response.body"):
            answer.text += message.get("body", b"").decode()
        elif message["type"] == "websocket.accept":
            answer.status = 101
        elif message["type"] == "websocket.send":
            answer.text += message["text"]

    async def receive():
        return {"type": "websocket.connect" if method == "WEBSOCKET" else "http.request"}

    asyncio.run(app(scope, receive, send))
    return answer


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture(scope="session")
def draw_port():
    """Find a port on which nothing listens, on each call."""

    def draw():
        with socket.create_server(("127.0.0.1", 0)) as probe:
            return probe.getsockname()[1]

    return draw


@pytest.fixture
def unused_tcp_port(draw_port):
    return draw_port()

"""Who is told what, and how often."""

import email
import email.policy
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, TCPServer

import pytest

from apexline.orchestration.settings import Settings
from apexline.orchestration.watching.alerts import NotDelivered, send, tell
from apexline.orchestration.watching.health import Problem

LATE = Problem("late camera", "gate-07 1", "gate-07 is silent for 2.1 h")
FULL = Problem("disk", "/ full", "1.0 GiB are free")
LOG = logging.getLogger("test of alerts")


@pytest.fixture
def hook():
    """A webhook on this machine: what it was sent."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"json://127.0.0.1:{server.server_port}/alerts", got
        server.shutdown()
        thread.join()


@pytest.fixture
def post_office():
    """A mail server on this machine: its port, and who got which mail."""
    got = []

    class Handler(StreamRequestHandler):
        def say(self, text):
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self):
            self.say("220 here")
            guests = []
            while line := self.rfile.readline().decode().strip():
                match line.upper().split(":")[0]:
                    case "RCPT TO":
                        guests.append(line.split(":", 1)[1].split(">")[0].strip(" <"))
                    case "DATA":
                        self.say("354 go on")
                        body = b"".join(iter(self.rfile.readline, b".\r\n"))
                        got.append((guests, email.message_from_bytes(body, policy=email.policy.default)))
                    case "QUIT":
                        return self.say("221 bye")
                self.say("250 well")
            return None

    with TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], got
        server.shutdown()
        thread.join()


def test_a_mail_gets_all_messages_at_once(tmp_path, post_office):
    port, got = post_office
    url = f"mailto://127.0.0.1:{port}?from=apexline@example.org&to=guard@example.org"
    tell(Settings(home=str(tmp_path), alert_urls=url), [LATE, FULL], LOG)
    [(guests, mail)] = got
    assert guests == ["guard@example.org"]
    assert mail["subject"] == "Apexline: 2 alerts"
    text = " ".join(part.get_content() for part in mail.walk() if part.get_content_maintype() == "text")
    assert LATE.detail in text
    assert FULL.detail in text


def test_a_problem_is_told_once_a_day_and_when_it_is_over(tmp_path, caplog):
    settings = Settings(home=str(tmp_path))
    assert tell(settings, [LATE], LOG) == ["late camera: gate-07 is silent for 2.1 h"]
    assert tell(settings, [LATE], LOG) == []
    assert tell(settings, [LATE, FULL], LOG) == ["disk: 1.0 GiB are free"]
    path = tmp_path / "alerts.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps(dict.fromkeys(told, (datetime.now(UTC) - timedelta(days=1)).isoformat())))
    assert len(tell(settings, [LATE], LOG)) == 2  # again, and one is over
    assert [each.message for each in caplog.records][-1] == "over: disk: / full"
    assert tell(settings, [], LOG) == ["over: late camera: gate-07 1"]
    assert tell(settings, [], LOG) == []


def test_a_webhook_gets_all_messages_at_once(tmp_path, hook):
    url, got = hook
    tell(Settings(home=str(tmp_path), alert_urls=url), [LATE, FULL], LOG)
    [message] = got
    assert message["title"] == "Apexline: 2 alerts"
    assert LATE.detail in message["message"]
    assert FULL.detail in message["message"]


def test_what_was_not_delivered_is_told_again(tmp_path, hook):
    url, got = hook
    dead = Settings(home=str(tmp_path), alert_urls=f"{url} json://user:secret@127.0.0.1:1/")
    with pytest.raises(NotDelivered, match="1 of 2 addresses") as error:
        tell(dead, [LATE], LOG)
    assert "secret" not in str(error.value)
    assert len(tell(Settings(home=str(tmp_path), alert_urls=url), [LATE], LOG)) == 1
    assert len(got) == 2


def test_an_address_that_nobody_knows_is_named(tmp_path):
    with pytest.raises(NotDelivered):
        send(Settings(home=str(tmp_path), alert_urls="nonsense"), ["x"])

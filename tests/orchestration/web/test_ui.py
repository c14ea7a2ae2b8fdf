"""`apexline ui` as it is started: who reaches Dagster and MLflow, and who does not; nothing else listens."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.orchestration.web.browser import needs_browser, started_browser, wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
START_S = 180
PROC = Path("/proc")
LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/\?token=([\w-]{40,})")
MODEL, ALIAS = "apexline-expression", "/api/2.0/mlflow/registered-models/alias"
ADD_PARTITION = """mutation {
  addDynamicPartition(partitionsDefName: "camera_day", partitionKey: "%s", repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "apexline"}) { __typename }
}"""
SUBSCRIBE = "subscription { locationStateChangeEvents { event { eventType } } }"


class Ui:
    """The command with its home, and what it printed."""

    def __init__(self, home, process, log):
        self.home, self.process, self._log = home, process, log
        wait_until(lambda: len(LINK.findall(self.printed())) == 2 or process.poll() is not None, START_S)
        (self.dagster, self.token), (self.mlflow, mlflow_token) = LINK.findall(self.printed())
        assert mlflow_token == self.token
        for server in (self.dagster, self.mlflow):
            wait_until(lambda server=server: self._answers(server), START_S)
        wait_until(
            lambda: "clip_manifest" in self.graphql("{ assetNodes { assetKey { path } } }").text, START_S
        )

    @property
    def key(self):
        return {"Authorization": f"Bearer {self.token}"}

    def printed(self):
        return self._log.read_text()

    def graphql(self, query, **headers):
        return httpx.post(
            f"{self.dagster}/graphql", json={"query": query}, headers=headers or self.key, timeout=60
        )

    def partitions(self):
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            return set(instance.get_dynamic_partitions("camera_day"))

    def champion(self):
        asked = httpx.get(self.mlflow + ALIAS, params={"name": MODEL, "alias": "champion"}, headers=self.key)
        return asked.json()["model_version"]["version"]

    @contextmanager
    def session(self, server):
        """A browser's cookies after the link."""
        with httpx.Client(base_url=server, follow_redirects=True, timeout=60) as client:
            assert client.get("/", params={"token": self.token}).status_code == 200
            yield client

    @staticmethod
    def _answers(server):
        try:
            return httpx.get(server, timeout=60).status_code == 401
        except httpx.TransportError:
            return False


@contextmanager
def started_ui(home, ports):
    command = [Path(sys.executable).parent / "apexline", "ui", "--port", ports[0], "--mlflow-port", ports[1]]
    own = {"APEXLINE_HOME": str(home), "APEXLINE_AUTOMATE": "false", "PYTHONPATH": str(ROOT / "src")}
    log = home / "printed"
    with log.open("wb") as out:
        process = subprocess.Popen(map(str, command), env=os.environ | own, stdout=out, stderr=out)
    try:
        yield Ui(home, process, log)
    finally:
        process.terminate()
        process.wait(timeout=120)


@pytest.fixture(scope="module")
def ui(tmp_path_factory, draw_ports):
    """The servers, with a registry that holds two versions, of which the first is champion."""
    with started_ui(tmp_path_factory.mktemp("home"), draw_ports) as served:
        rest = f"{served.mlflow}/api/2.0/mlflow"
        version = {"name": MODEL, "source": "s3://nowhere/model"}
        with httpx.Client(headers=served.key, timeout=60) as client:
            for path, body in [
                ("registered-models/create", {"name": MODEL}),
                ("model-versions/create", version),
                ("model-versions/create", version),
                ("registered-models/alias", promoted("1")),
            ]:
                answer = client.post(f"{rest}/{path}", json=body)
                assert answer.status_code == 200, answer.text
        yield served


@pytest.fixture(scope="module")
def draw_ports(draw_port):
    return draw_port(), draw_port()


def promoted(version):
    return {"name": MODEL, "alias": "champion", "version": version}


def family(pid):
    """A process and all that it started, directly or not."""
    listed = [path.read_text() for path in PROC.glob(f"{pid}/task/*/children")]
    return {pid}.union(*(family(int(child)) for child in " ".join(listed).split()))


def opened_by(pids):
    """Inodes of the sockets that processes hold."""
    held = [
        str(each.readlink())
        for pid in pids
        for each in (PROC / str(pid) / "fd").iterdir()
        if each.is_symlink()
    ]
    return {name.removeprefix("socket:[").rstrip("]") for name in held if name.startswith("socket:")}


def test_nothing_else_listens(ui):
    # the command, the code and its proxy, two UIs, and the daemon, which waits for their pages
    wait_until(lambda: len(family(ui.process.pid)) >= 6, START_S)
    sockets = opened_by(family(ui.process.pid))
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in (PROC / "net" / name).read_text().splitlines()[1:]
    ]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in sockets]
    loopback = "0100007F"
    assert sorted(listening) == sorted(
        f"{loopback}:{int(server.rpartition(':')[2]):04X}" for server in (ui.dagster, ui.mlflow)
    )
    rows = [line.split() for line in (PROC / "net" / "unix").read_text().splitlines()[1:]]
    files = {Path(row[7]) for row in rows if row[6] in sockets and len(row) > 7 and row[7].startswith("/")}
    assert files
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/server_info", "/health", "/version", "/static-files/x.js", ALIAS]
)
@pytest.mark.parametrize("server", ["dagster", "mlflow"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Host": "evil.example"}, 421), ({"Authorization": "Bearer guessed"}, 401)],
)
def test_a_stranger_is_refused_everywhere(ui, server, path, headers, status):
    assert httpx.get(getattr(ui, server) + path, headers=headers).status_code == status


def test_the_link_opens_both(ui):
    with ui.session(ui.dagster) as browser:
        assert "/_next/static/" in browser.get("/assets").text
        asked = browser.post("/graphql", json={"query": "{ version }"}, headers={"Origin": ui.dagster})
        assert "version" in asked.json()["data"]
    with ui.session(ui.mlflow) as browser:
        assert "<title>MLflow</title>" in browser.get("/").text
        assert browser.get(ALIAS, params={"name": MODEL, "alias": "champion"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_page_changes_nothing_though_the_browser_holds_the_cookie(ui, origin):
    with ui.session(ui.dagster) as browser:
        text = ADD_PARTITION % "2026-01-01_foreign"
        form = {"Origin": origin, "Content-Type": "text/plain"}
        asked = [
            browser.post("/graphql", json={"query": text}, headers={"Origin": origin}),
            browser.post("/graphql", params={"query": text}, headers=form),
            browser.get("/graphql", params={"query": text}, headers={"Sec-Fetch-Site": "cross-site"}),
            browser.get("/graphql", params={"query": text}, headers={"Referer": f"{origin}/"}),
        ]
    assert [answer.status_code for answer in asked] == [403] * 4
    assert "2026-01-01_foreign" not in ui.partitions()
    with ui.session(ui.mlflow) as browser:
        assert browser.post(ALIAS, json=promoted("2"), headers={"Origin": origin}).status_code == 403
        assert (
            browser.request("PATCH", ALIAS, json=promoted("2"), headers={"Origin": origin}).status_code == 403
        )
    assert httpx.post(ui.mlflow + ALIAS, json=promoted("2")).status_code == 403
    assert ui.champion() == "1"


def test_an_address_changes_nothing_even_with_the_key(ui):
    query = {"query": ADD_PARTITION % "2026-01-01_address"}
    assert httpx.get(f"{ui.dagster}/graphql", params=query, headers=ui.key).status_code == 405
    assert "2026-01-01_address" not in ui.partitions()


def test_programs_with_the_key_do_what_people_do(ui):
    assert ui.graphql(ADD_PARTITION % "2026-01-01_own").json()["data"]["addDynamicPartition"]
    assert "2026-01-01_own" in ui.partitions()
    script = (
        "from mlflow import MlflowClient\n"
        f"print([each.version for each in MlflowClient().search_model_versions(\"name='{MODEL}'\")])"
    )
    environment = os.environ | {"MLFLOW_TRACKING_URI": ui.mlflow, "MLFLOW_TRACKING_TOKEN": ui.token}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "2" in done.stdout, done.stderr


def subscribe(ui, **headers):
    """Open a subscription; returns the type of the answer."""
    origin = headers.pop("Origin", None)
    address = ui.dagster.replace("http", "ws") + "/graphql"
    with connect(address, origin=origin, subprotocols=["graphql-ws"], additional_headers=headers) as opened:
        opened.send(json.dumps({"type": "connection_init"}))
        answer = json.loads(opened.recv(timeout=30))["type"]
        opened.send(json.dumps({"type": "start", "id": "1", "payload": {"query": SUBSCRIBE}}))
        return answer


def test_own_pages_and_programs_follow_events(ui):
    cookie = f"apexline_{ui.dagster.rpartition(':')[2]}={ui.token}"
    assert subscribe(ui, Origin=ui.dagster, Cookie=cookie) == "connection_ack"
    assert subscribe(ui, **ui.key) == "connection_ack"
    for origin in ("http://evil.example", "http://localhost:1", "null", None):
        with pytest.raises(InvalidStatus, match="403"):
            subscribe(ui, Origin=origin, Cookie=cookie)
    with pytest.raises(InvalidStatus, match="401"):
        subscribe(ui, Origin=ui.dagster)
    with pytest.raises(InvalidStatus, match="421"):
        subscribe(ui, Origin="http://evil.example", Cookie=cookie, Host="evil.example")


class _HostilePage(BaseHTTPRequestHandler):
    images = ()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write("".join(f'<img src="{each}">' for each in self.images).encode())

    def log_message(self, *_):
        pass


@needs_browser
def test_the_pages_work_in_a_browser_and_an_image_elsewhere_does_not(ui, tmp_path):
    with (
        started_browser(tmp_path) as browser,
        ThreadingHTTPServer(("127.0.0.1", 0), _HostilePage) as elsewhere,
    ):
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        browser.open(f"{ui.dagster}/assets")
        assert "Saw no token" in browser.text()
        assert browser.open(f"{ui.dagster}/assets?token={ui.token}") == f"{ui.dagster}/assets"
        wait_until(lambda: "clip_manifest" in browser.text())
        browser.open(f"{ui.mlflow}/?token={ui.token}")
        wait_until(lambda: "Experiments" in browser.text())
        _HostilePage.images = [
            f"{ui.dagster}/graphql?query={quote(ADD_PARTITION % '2026-01-01_image')}",
            f"{ui.mlflow}{ALIAS}?name={MODEL}&alias=champion&version=2",
        ]
        for name in ("localhost", "127.0.0.1"):
            browser.open(f"http://{name}:{elsewhere.server_port}/")
            assert browser.run("document.images.length") == 2
        elsewhere.shutdown()
        browser.open(f"{ui.dagster}/assets")
        wait_until(lambda: "clip_manifest" in browser.text())
    assert "2026-01-01_image" not in ui.partitions()
    assert ui.champion() == "1"


def test_a_service_manager_ends_all_of_it(ui):
    """The last test of the module: afterwards nothing runs."""
    started = family(ui.process.pid)
    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(timeout=90) == 0
    wait_until(lambda: not any((PROC / str(pid)).exists() for pid in started), START_S)
    assert "Traceback" not in ui.printed()

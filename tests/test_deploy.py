"""What `deploy/` starts exists: programs and their options, modules, files, settings, images of one version each."""

import re
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from dagster._cli.api import grpc_command, grpc_health_check_command
from dagster._daemon.cli import run_command
from typer.main import get_command

from apexline.orchestration.commands.cli import app
from apexline.orchestration.settings import Settings
from apexline.orchestration.web.__main__ import _SERVERS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = f"apexline:{PROJECT['version']}"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
ENV = dict(
    line.split("=", 1)
    for line in (DEPLOY / "env.example").read_text().splitlines()
    if line and not line.startswith("#")
)
PINNED = re.compile(r".+:[\w.-]*\d[\w.-]*")


def words(command):
    """Words of a command line, files where they are mounted from."""
    mounted = (shlex.split(command) if isinstance(command, str) else command) or []
    return [word.replace("/etc/apexline", str(DEPLOY)) for word in mounted]


OWN_COMMANDS = {name: words(each["command"]) for name, each in SERVICES.items() if each["image"] == OWN}


def accepts(command, arguments):
    """Parse a command line as the program does; nothing is run."""
    with command.make_context(command.name, list(arguments), resilient_parsing=False):
        return True


def is_known(line):
    """Whether the program of a command line exists, and takes its options."""
    program, *arguments = line
    if program == "dagster":
        commands = {"grpc": grpc_command, "grpc-health-check": grpc_health_check_command}
        return arguments[0] == "api" and accepts(commands[arguments[1]], arguments[2:])
    if program == "dagster-daemon":
        return arguments[0] == "run" and accepts(run_command, arguments[1:])
    if program == "apexline":
        return accepts(get_command(app).commands[arguments[0]], arguments[1:])
    if program == "celery":
        return "dagster-celery" in PROJECT["optional-dependencies"]["celery"]
    assert [program, *arguments[:2]] == ["python", "-P", "-m"]
    return (
        arguments[2] == "apexline.orchestration.web" and arguments[3] in _SERVERS and arguments[4].isdigit()
    )


def modules_in(text):
    return [name for name in re.findall(r"apexline(?:\.\w+)+", text) if not name.endswith(".yaml")]


def test_images_are_of_one_version_each():
    images = [each["image"] for each in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    assert OWN in images


@pytest.mark.parametrize("name", OWN_COMMANDS)
def test_a_service_starts_what_exists(name):
    assert is_known(OWN_COMMANDS[name])


def test_the_health_of_the_code_is_asked_as_it_answers():
    _, *line = SERVICES["code"]["healthcheck"]["test"]
    assert is_known(line)
    asked, served = (words_[words_.index("--port") + 1] for words_ in (line, OWN_COMMANDS["code"]))
    where = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    assert asked == served == str(where["port"])
    assert where["host"] in SERVICES


def test_the_six_that_a_deployment_needs_are_there():
    assert {"postgres", "store", "code", "daemon", "web", "mlflow"} <= set(SERVICES)
    named = {each for service in SERVICES.values() for each in service.get("depends_on", ())}
    assert named <= set(SERVICES)


@pytest.mark.parametrize(
    "path", [DEPLOY / "compose.yaml", DEPLOY / "kubernetes" / "values.yaml"], ids=lambda path: path.name
)
def test_modules_that_are_named_exist(path):
    named = set(modules_in(path.read_text()))
    assert named
    assert [name for name in named if find_spec(name) is None] == []


def test_files_that_are_mounted_exist():
    mounted = [
        each.split(":")[0]
        for service in SERVICES.values()
        for each in service.get("volumes", ())
        if each.startswith(".")
    ]
    assert mounted
    assert [each for each in mounted if not (DEPLOY / each).is_file()] == []


def test_what_a_person_sets_is_in_the_example():
    text = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+)", text))
    assert asked == set(ENV)


@pytest.mark.parametrize("broker", ["", "redis://redis:6379/0"])
def test_the_environment_makes_settings(monkeypatch, broker):
    filled = {name: value or "a-secret-of-twenty-letters" for name, value in ENV.items()}
    filled["APEXLINE_CELERY_BROKER"] = broker
    for name, value in COMPOSE["x-environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{(\w+)[^}]*\}", lambda found: filled[found[1]], value))
    settings = Settings()
    assert str(settings.state_path) == "/state"
    assert settings.postgres_url.get_secret_value().endswith("@postgres/dagster")
    assert (settings.celery_broker is not None) == bool(broker)
    known = {f"APEXLINE_{name.upper()}" for name in Settings.model_fields}
    assert [n for n in COMPOSE["x-environment"] if n.startswith("APEXLINE_") and n not in known] == []


def test_the_proxy_leads_to_the_servers_that_are_there():
    text = (DEPLOY / "Caddyfile").read_text()
    sites = [f"https://{name}" for name in re.findall(r"^(\S+\.localhost) {", text, re.MULTILINE)]
    assert sites == ENV["APEXLINE_SERVER_ORIGINS"].split(",")
    led_to = set(re.findall(r"reverse_proxy 127\.0\.0\.1:(\d+)", text))
    beside_web = {name for name, each in SERVICES.items() if each.get("network_mode") == "service:web"}
    served = {word for name in (*beside_web, "web") for word in OWN_COMMANDS.get(name, ()) if word.isdigit()}
    assert led_to == served
    assert "proxy" in beside_web


def test_the_image_holds_all_that_the_package_is_made_of():
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {
        name for line in re.findall(r"^COPY (?!--)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]
    }
    links = {path.name for path in (ROOT / "src" / "apexline").iterdir() if path.is_symlink()}
    assert links | {"pyproject.toml", "src"} <= {name.removeprefix("./") for name in copied}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{name.removeprefix('./')}" for name in copied} <= set(let_in)
    extras = re.search(r"'\.\[(.+)\]'", text)[1].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_values_of_the_chart_agree_with_what_is_applied_before():
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    config, claim = yaml.safe_load_all((DEPLOY / "kubernetes" / "apexline.yaml").read_text())
    launcher = values["runLauncher"]
    assert launcher["type"] == "K8sRunLauncher"
    (code,) = values["dagster-user-deployments"]["deployments"]
    for given in (code, launcher["config"]["k8sRunLauncher"]):
        assert [each["name"] for each in given["envConfigMaps"]] == [config["metadata"]["name"]]
        (volume,) = given["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert given["volumeMounts"][0]["mountPath"] == config["data"]["APEXLINE_STATE"]
    for image in (code["image"], values["dagsterWebserver"]["image"], values["dagsterDaemon"]["image"]):
        assert image["tag"] == PROJECT["version"]
    assert accepts(grpc_command, [*code["dagsterApiGrpcArgs"], "--port", str(code["port"])])
    known = {f"APEXLINE_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in config["data"] if name.startswith("APEXLINE_")} <= known
    assert f"dagster=={chart_version()}" in (ROOT / "constraints.txt").read_text().splitlines()


def chart_version():
    return re.search(r"--version (\S+)", (DEPLOY / "kubernetes" / "values.yaml").read_text())[1]


def test_an_option_or_program_that_is_not_there_is_noticed():
    with pytest.raises(Exception, match="No such option"):
        is_known(["dagster-daemon", "run", "--no-such-option"])
    with pytest.raises(KeyError):
        is_known(["apexline", "no-such-command"])

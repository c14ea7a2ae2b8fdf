"""The settings for proxies say what the guard asks for; the real programs are not here to read them."""

import re
from pathlib import Path

import pytest

from apexline.orchestration.settings import Settings

PROXY = Path(__file__).resolve().parents[3] / "docs" / "proxy"
NGINX, CADDY = (PROXY / "nginx.conf").read_text(), (PROXY / "Caddyfile").read_text()
PORTS = {"dagster.example.org": "3000", "mlflow.example.org": "5000", "rate.example.org": "8000"}
KEY = {"nginx": "Authorization $apexline_key;", "caddy": 'Authorization "Bearer {$APEXLINE_SERVER_TOKEN}"'}


def blocks(text):
    """Top-level blocks, by what stands before the brace; comments left out."""
    found, depth, head = [], 0, ""
    for line in re.sub(r"(^|\s)#.*", "", text).splitlines():
        opens, closes = line.rstrip().endswith("{"), line.strip() == "}"
        if opens and depth == 0:
            found.append((line.rstrip("{ "), []))
        elif depth:
            found[-1][1].append(line.strip())
        depth += opens - closes
        assert depth >= 0, head
    assert depth == 0
    return [(head, "\n".join(lines)) for head, lines in found]


def served():
    nginx = [text for head, text in blocks(NGINX) if head == "server" and "proxy_pass" in text]
    caddy = [f"{head}\n{text}" for head, text in blocks(CADDY) if head in PORTS]
    return [("nginx", text) for text in nginx] + [("caddy", text) for text in caddy]


def test_both_serve_all_three():
    assert [kind for kind, _ in served()] == ["nginx"] * 3 + ["caddy"] * 3


@pytest.mark.parametrize(("kind", "text"), served())
def test_a_name_leads_to_its_port_with_host_and_token(kind, text):
    (name,) = [name for name in PORTS if name in text]
    assert f"127.0.0.1:{PORTS[name]}" in text
    people = name != "rate.example.org"
    assert (KEY[kind] in text) == people
    assert (("auth_basic " in text) if kind == "nginx" else ("import people" in text)) == people
    assert ("client_max_body_size" if kind == "nginx" else "max_size") in text
    if kind == "nginx":
        assert "proxy_set_header Host $host;" in text
        assert ("Upgrade $http_upgrade;" in text) == (name == "dagster.example.org")
        assert text.count(";") == sum(
            not line.endswith("{") and line not in ("}", "") for line in text.splitlines()
        )


@pytest.mark.parametrize("text", [NGINX, CADDY])
def test_the_origins_that_they_name_are_taken(text, monkeypatch):
    (named,) = re.findall(r"APEXLINE_SERVER_ORIGINS=(\S+)", text)
    monkeypatch.setenv("APEXLINE_SERVER_ORIGINS", named)
    assert Settings().server_origins == tuple(f"https://{name}" for name in PORTS)

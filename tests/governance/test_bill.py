"""What an installation is made of, and that the table of licences says the same."""

import json
import re
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

from apexline.governance.bill import PACKAGE, cyclonedx, licence_of, parts

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = (ROOT / "docs" / "architecture.md").read_text().partition("## Dependencies")[2]
ROWS = dict(re.findall(r"^\| ([^|]+?) \| [^|]+? \| ([^|]+?) \|$", TABLE, re.MULTILINE))
# How licences are called in metadata, and in the table.
NAMES = {
    "Apache": "Apache",
    "MIT": "MIT",
    "BSD": "BSD",
    "GNU GENERAL PUBLIC LICENSE": "GPL",
    "Python Software Foundation": "PSF",
    "GPL": "GPL",
}


@pytest.fixture(scope="module")
def found():
    return parts()


def named(text):
    return {re.sub(r"[-_.]+", "-", each.split(" ")[0]).lower() for each in text.split(", ")}


def test_every_direct_dependency_stands_in_the_table():
    direct = {
        re.match(r"[\w.-]+", each)[0].lower().replace("_", "-")
        for each in requires(PACKAGE)
        if "extra ==" not in each
    }
    listed = set().union(*map(named, ROWS))
    assert direct - listed == set()


@pytest.mark.parametrize("row", ROWS)
def test_the_table_says_what_the_packages_say(row):
    for name in named(row):
        try:
            dist = distribution(name)
        except ModuleNotFoundError:
            continue  # of an extra that is not installed, or no package
        said = licence_of(dist)
        families = {each for known, each in NAMES.items() if known in said}
        seen = f"{name} says {said!r}, the table {ROWS[row]!r}"
        assert not families or any(family in ROWS[row] for family in families), seen


def test_gpl_binaries_in_wheels_are_named_in_the_table(found):
    inside = {part.name for part in found if part.inside and part.licence.startswith("GPL")}
    assert {"libx264", "libx265"} <= inside
    for name in ("x264", "x265"):
        assert name in TABLE


def test_no_other_gpl_package_is_needed_than_the_table_names(found):
    gpl = {
        part.name
        for part in found
        if not part.inside and re.search(r"(?<!L)GPL|GENERAL PUBLIC", part.licence)
    }
    assert gpl <= {"factor-analyzer"}


def test_the_bill_is_cyclonedx_with_what_wheels_bundle(found):
    bill = json.loads(cyclonedx(found))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    [av] = [each for each in bill["components"] if each["name"] == "av"]
    assert av["purl"] == f"pkg:pypi/av@{distribution('av').version}"
    bundled = {each["name"]: each["licenses"][0]["license"]["name"] for each in av["components"]}
    assert bundled["libx264"] == bundled["libx265"] == "GPL-2.0-or-later"
    assert bill["metadata"]["component"]["name"] == PACKAGE


def test_the_shipped_weights_carry_a_rights_statement():
    text = (ROOT / "ml" / "data" / "RIGHTS.md").read_text()
    weights = {path.name for path in (ROOT / "ml" / "data").glob("*.safetensors")}
    weights |= {"words.safetensors", "forest.npz"}
    assert [name for name in sorted(weights) if name not in text] == []
    assert "FER2013" in text
    assert "web" in text

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


@pytest.mark.parametrize("row", [row for row in ROWS if row not in ("package", "---")])
def test_the_table_says_what_the_packages_say(row):
    names, told = row.split(", "), ROWS[row].split(", ")
    for place, each in enumerate(names):
        [name] = named(each)
        try:
            dist = distribution(name)
        except ModuleNotFoundError:
            continue  # of an extra that is not installed
        said = licence_of(dist)
        listed = told[place] if len(told) == len(names) else ROWS[row]
        families = {each for known, each in NAMES.items() if known in said}
        seen = f"{name} says {said!r}, the table {listed!r}"
        assert families, f"{seen}: a licence that this test does not know"
        assert any(family in listed for family in families), seen


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
    assert gpl == {"factor-analyzer"}


def test_every_package_says_its_licence(found):
    silent = {part.name for part in found if not part.inside and part.licence == "unknown"}
    assert silent <= {"huey"}  # MIT, in a text without a title


def test_a_licence_that_the_metadata_do_not_name_is_the_title_of_its_text():
    assert licence_of(distribution("factor_analyzer")) == "GNU GENERAL PUBLIC LICENSE, Version 2, June 1991"


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

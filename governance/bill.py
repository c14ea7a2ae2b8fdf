"""The bill of materials: what this installation is made of, binaries inside wheels among it, as CycloneDX.

Belongs here: finding packages and bundled libraries, their licences as they say them, writing the bill. Stays out: what
follows from a licence (the architecture page says it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePosixPath
from typing import Any

PACKAGE = "apexline"
# Libraries that wheels bundle, by the beginning of their file's name, and their licence where their wheel is silent.
BUNDLED_LICENCES: dict[str, str] = {
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libavcodec": "GPL-3.0-or-later",
    "libavdevice": "GPL-3.0-or-later",
    "libavfilter": "GPL-3.0-or-later",
    "libavformat": "GPL-3.0-or-later",
    "libavutil": "GPL-3.0-or-later",
    "libswresample": "GPL-3.0-or-later",
    "libswscale": "GPL-3.0-or-later",
    "libSvtAv1Enc": "BSD-3-Clause-Clear",
    "libdav1d": "BSD-2-Clause",
    "libmp3lame": "LGPL-2.0-or-later",
    "libopencore-amr": "Apache-2.0",
    "libopus": "BSD-3-Clause",
    "libvpx": "BSD-3-Clause",
    "libwebp": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libgnutls": "LGPL-2.1-or-later",
    "libnettle": "LGPL-3.0-or-later",
    "libhogweed": "LGPL-3.0-or-later",
    "libgmp": "LGPL-3.0-or-later",
    "libunistring": "LGPL-3.0-or-later",
    "libasound": "LGPL-2.1-or-later",
    "libQt5": "LGPL-3.0-only",
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
    "libgomp": "GPL-3.0-or-later WITH GCC-exception-3.1",
}
_LIBRARY = re.compile(r"(?P<name>lib.+?)(?:-[0-9a-f]{8})?\.so(?P<version>(?:\.\d+)*)$")
_UNKNOWN = "unknown"
_LONGEST = 100
# FFmpeg is built without its GPL parts for this wheel, as its own licence file says.
_LGPL_FFMPEG = "opencv-python"


@dataclass(frozen=True)
class Part:
    """A package, or a library inside one.

    Attributes
    ----------
    name, version : str
    licence : str
        As its metadata say it; ``unknown`` where they are silent.
    inside : str
        Package whose wheel bundles it; empty for a package.
    """

    name: str
    version: str
    licence: str
    inside: str = ""


def parts() -> list[Part]:
    """Return what an installation of the package needs, found by its metadata, with what the wheels bundle."""
    found: list[Part] = []
    for dist in _needed():
        found.append(Part(_plain(dist.name), dist.version, licence_of(dist)))
        found += sorted(set(_bundled(dist)), key=lambda part: part.name)
    return found


def licence_of(dist: Distribution) -> str:
    """Return a package's licence: its expression, else its classifiers, its field of one line, or its text's title."""
    metadata: Any = dist.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    said = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or []
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    text = (metadata.get("License") or "").strip()
    # Some put the whole text there: its first line is its title.
    return ", ".join(said) or text.partition("\n")[0].strip()[:_LONGEST] or _title_of_text(dist) or _UNKNOWN


def _title_of_text(dist: Distribution) -> str:
    """Return the heading of the licence that a package carries as a text; empty where it has none."""
    for file in dist.files or []:
        path = PurePosixPath(file)
        if path.parts[0].endswith(".dist-info") and path.name.upper().startswith(
            ("LICENSE", "LICENCE", "COPYING")
        ):
            lines = [each.strip() for each in file.read_text(encoding="utf-8").splitlines() if each.strip()]
            if lines and re.search("licen[cs]e", lines[0], re.IGNORECASE):
                more = lines[1:2] if lines[1:] and lines[1].startswith("Version") else []
                return ", ".join([lines[0], *more])[:_LONGEST]
    return ""


def cyclonedx(components: list[Part]) -> str:
    """Return the bill of materials as CycloneDX 1.6, JSON."""
    from cyclonedx.contrib.this.builders import this_component
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    # Their decorators hide their parameters from a type checker.
    make: Any = Component
    licence: Any = DisjunctiveLicense

    def component(part: Part, inner: list[Part]) -> Any:
        purl = None if part.inside else PackageURL("pypi", name=part.name, version=part.version)
        return make(
            name=part.name,
            version=part.version or None,
            type=ComponentType.LIBRARY,
            bom_ref=f"{part.inside}/{part.name}@{part.version}",
            purl=purl,
            licenses=[licence(name=part.licence)],
            components=[component(each, []) for each in inner],
        )

    own = make(name=PACKAGE, type=ComponentType.APPLICATION, version=_own_version(), bom_ref=PACKAGE)
    bom: Any = Bom()
    bom.metadata.tools.components.add(this_component())
    bom.metadata.component = own
    for part in components:
        if not part.inside and part.name != PACKAGE:
            made = component(part, [each for each in components if each.inside == part.name])
            bom.components.add(made)
            bom.register_dependency(own, [made])
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=1)


def _own_version() -> str:
    return distribution(PACKAGE).version


def _needed() -> Iterator[Distribution]:
    """Yield the package and all that it requires, extras left out, each once."""
    from packaging.requirements import Requirement

    waiting, seen = [PACKAGE], set[str]()
    while waiting:
        name = _plain(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = distribution(name)
        except PackageNotFoundError:  # of another platform
            continue
        yield dist
        for text in dist.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)


def _bundled(dist: Distribution) -> Iterator[Part]:
    """Yield the libraries that the package's wheel carries in a folder of its own, as auditwheel puts them there."""
    for file in dist.files or []:
        path = PurePosixPath(file)
        if path.parent.name.endswith(".libs") and (found := _LIBRARY.fullmatch(path.name)):
            name, version = found["name"], found["version"].removeprefix(".")
            licence = next(
                (each for known, each in BUNDLED_LICENCES.items() if name.startswith(known)), _UNKNOWN
            )
            yield Part(name, version, licence, inside=_plain(dist.name))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

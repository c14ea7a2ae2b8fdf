"""What can be wrong with a command line alone: said at once, for nothing heavy is imported and no home is made.

Belongs here: checks of arguments, and reading the settings after them. Stays out: what takes the lake or a clip to
know, which the commands find out.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apexline.orchestration.settings import Settings

# `apexline.bench` names them too, and takes seconds to import.
BENCHMARKS = (
    *("crops", "features", "flow", "imports", "length", "line", "platform"),
    *("recognition", "semantic", "serving", "shipped", "spotting", "start", "video", "warehouse"),
)
QUICK_BENCHMARKS = ("recognition",)
_DRAWN_INTO = (".html", ".png")


class WrongUsage(ValueError):
    """A command line that cannot be meant; the command ends with exit code 2."""


def read_settings() -> "Settings":
    """Return the settings of the machine."""
    from apexline.orchestration.settings import Settings  # a third of a second to import

    return Settings()


def require_all_or_none(options: Mapping[str, Any]) -> bool:
    """Tell whether options that belong together, by the names of their parameters, were given."""
    missing = ["--" + name.replace("_", "-") for name, value in options.items() if value is None]
    if missing and len(missing) < len(options):
        msg = f"missing {', '.join(missing)}: give all four options, or a sidecar clip.json beside each clip"
        raise WrongUsage(msg)
    return not missing


def require_existing(paths: Iterable[Path]) -> None:
    """Refuse clips and folders that are not there."""
    for path in paths:
        if not path.exists():
            msg = f"{path} does not exist; give a clip or a folder of clips"
            raise WrongUsage(msg)


def require_folder(path: Path | None) -> None:
    """Refuse what is no folder of clips."""
    if path is not None and not path.is_dir():
        msg = f"{path} is no folder; expected one with clips"
        raise WrongUsage(msg)


def require_drawable(target: Path | None) -> None:
    """Refuse a file that is neither a page nor a picture, such as a second clip."""
    if target is not None and target.suffix not in _DRAWN_INTO:
        msg = f"saw {str(target)!r} as the file to draw into, expected a name that ends with .html or .png"
        raise WrongUsage(msg)


def require_benchmark(name: str, *, quick: bool) -> None:
    """Refuse the name of no benchmark."""
    known = QUICK_BENCHMARKS if quick else BENCHMARKS
    if name not in known:
        msg = f"saw {name!r}{' with --quick' if quick else ''}, expected one of {', '.join(known)}"
        raise WrongUsage(msg)

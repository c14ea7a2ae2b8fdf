"""How many small changes of a folder's code its tests notice.

``make mutants FOLDER=features/spotting`` makes the changes, draws some of them where there are many, runs the folder's
tests on each, and prints how many were noticed and each that was not. mutmut [1]_ changes functions and methods;
constants of a module, properties and decorated functions (assets) it leaves as they are. Messages of errors are changed
too, and some changes change nothing: not all that is printed is worth a test.

.. [1] https://mutmut.readthedocs.io
"""

import argparse
import io
import json
import random
import resource
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import chdir, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".mutants"
# Tests may take long under load before a change counts as one that hangs them.
SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/apexline/{folder}/*"]
pytest_add_cli_args_test_selection = ["tests/{folder}"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
timeout_multiplier = 10.0
timeout_constant = 3.0
use_git_change_detection = false
track_dependencies = false
"""
# What mutmut keeps of a mutant: the exit code of pytest, 33 where no test comes by, a signal where time ran out.
VERDICTS = {0: "survived", 1: "killed", 3: "killed", 5: "untested", 33: "untested"}


def main() -> None:
    """Run as asked on the command line and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="such as features/spotting")
    parser.add_argument("--sample", type=int, default=300, help="mutants that are tested at most")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    asked = parser.parse_args()
    with chdir(copy_of_tree(asked.folder)):
        made = make_mutants(asked.folder)
        drawn = sorted(random.Random(asked.seed).sample(made, min(asked.sample, len(made))))
        mutmut = Path(sys.executable).with_name("mutmut")
        subprocess.run([mutmut, "run", "--max-children", "1", *drawn], check=True)
        print(report(asked.folder, made, drawn))


def copy_of_tree(folder: str) -> Path:
    """Copy sources, with files in place of links so that each has one path, and tests."""
    tree = SCRATCH / folder.replace("/", "-")
    shutil.rmtree(tree, ignore_errors=True)
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tree / "pyproject.toml").write_text(project + SETTINGS.format(folder=folder), encoding="utf-8")
    return tree


def make_mutants(folder: str) -> list[str]:
    """Have mutmut write all mutants, as it does before it tests any, and return their names."""
    from mutmut.__main__ import create_mutants
    from mutmut.utils.file_utils import copy_src_dir

    with redirect_stdout(io.StringIO()):  # the name of every file that is copied
        copy_src_dir()
        create_mutants(max_children=1)
    return sorted(name for codes in exit_codes(folder).values() for name in codes)


def exit_codes(folder: str) -> dict[Path, dict[str, int | None]]:
    """Read what mutmut keeps of the mutants of each file, by its path; None where one was not tested."""
    return {
        path.relative_to("mutants").with_suffix(""): json.loads(path.read_text(encoding="utf-8"))[
            "exit_code_by_key"
        ]
        for path in sorted(Path("mutants/src/apexline", folder).rglob("*.meta"))
    }


def report(folder: str, made: list[str], drawn: list[str]) -> str:
    """Describe what became of the mutants that were drawn: a row of a table, then those that nothing noticed."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    verdicts: dict[str, str] = {}
    paths: dict[str, Path] = {}
    for path, codes in exit_codes(folder).items():
        verdicts |= {name: VERDICTS.get(code, "too slow") for name, code in codes.items()}
        paths |= dict.fromkeys(codes, path)
    counts = Counter(verdicts[name] for name in drawn)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    share = 1 - (counts["survived"] + counts["untested"]) / len(drawn)
    columns = {
        "folder": f"`{folder}`",
        "mutants": len(made),
        "tested": len(drawn),
        **{name: counts[name] for name in ("killed", "too slow", "survived", "untested")},
        "noticed": f"{share:.3f}",
        "CPU min": f"{(used.ru_utime + used.ru_stime) / 60:.1f}",
    }
    lines = [
        f"| {' | '.join(map(str, row))} |" for row in (columns, ["---"] * len(columns), columns.values())
    ]
    for name in drawn:
        if verdicts[name] in ("survived", "untested"):
            diff = get_diff_for_mutant(name, path=paths[name]).splitlines()[2:]
            lines += [
                "",
                f"{name}: {verdicts[name]}",
                *(line for line in diff if line.startswith(("-", "+"))),
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

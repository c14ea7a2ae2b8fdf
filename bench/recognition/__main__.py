"""``python -m apexline.bench.recognition``: recognition with fewer seeds than the plan has.

What is finished is kept for a whole run, which ``apexline bench recognition`` makes.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from apexline.bench.recognition.page import write_report
from apexline.bench.recognition.run import CACHE, measure
from apexline.bench.recognition.trainings import read_plan


def main() -> None:
    """Measure, write the page where one is asked for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the benchmark data"
    )
    parser.add_argument("--seeds", type=int, help="the first of the plan's")
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument("--out", type=Path, help="folder for recognition.md")
    given = parser.parse_args()
    plan = read_plan("quick" if given.quick else "full")
    results = measure(given.data, replace(plan, seeds=given.seeds or plan.seeds), CACHE)
    if given.out is not None:
        write_report(results, given.out)
    print(json.dumps(results.tables, indent=1))


if __name__ == "__main__":
    main()

"""``python -m apexline.bench.speed.video CHECKOUT DATA``: the line against that of another commit."""

import sys
from pathlib import Path

from apexline.bench.speed.video.against import bench_against

if __name__ == "__main__":
    for row in bench_against(*(Path(each).absolute() for each in sys.argv[1:])):
        print(row)

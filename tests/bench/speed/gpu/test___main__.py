"""`make gpu-check` as a command: the page, and what it says where there is no GPU."""

import pytest

from apexline.bench.speed.gpu import __main__ as gpu_check
from apexline.features.backend import has_gpu


def test_the_page_holds_three_tables():
    text = gpu_check.page("Title", [{"kernel": "warp"}], [{"rows": "flow"}], [{"faces": 4}])
    assert text.startswith("# Title\n")
    assert [each for each in ("| kernel |", "| rows |", "| faces |") if each in text] == [
        "| kernel |",
        "| rows |",
        "| faces |",
    ]
    assert "synthetic" in text


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["apexline.bench.speed.gpu"])
    assert gpu_check.main() == 1
    assert capsys.readouterr().err.startswith("gpu-check: nothing measured, this machine lacks ")

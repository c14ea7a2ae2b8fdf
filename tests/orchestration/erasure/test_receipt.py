"""Receipts: signed, checked, silent."""

import json
from pathlib import Path

import pytest
from upath import UPath

from apexline.assets.ingest.tombstones import keyed_digest
from apexline.assets.lake.storage import Lake
from apexline.orchestration.erasure.intent import keep, new_intent, path_of, unfinished
from apexline.orchestration.erasure.receipt import check_receipt, write_receipt
from apexline.orchestration.erasure.target import Clip, Request
from apexline.orchestration.erasure.traces import Traces

SHA = "0123456789abcdef" * 4


@pytest.fixture
def intent():
    traces = Traces([Clip(SHA[:16], SHA, "2026-03-02_gate-03")], {"fedcba987654"})
    intent = new_intent(Request(clips=(SHA[:16],)), traces, by="Ada")
    intent.note("copies", {"landing/a.mp4": 1})
    return intent


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


def test_a_receipt_is_signed_and_names_no_clip(lake, intent):
    receipt = write_receipt(lake, intent, num_files=7)
    path = lake.home / "receipts" / f"{intent.name}.json"
    assert check_receipt(lake, path)["deleted"] == {"copies": 1}
    text = path.read_text()
    assert not [each for each in (SHA[:12], "fedcba987654", "a.mp4", "gate-03") if each in text]
    assert receipt["content"] == [keyed_digest(lake, SHA)]
    assert Path(lake.home / "erasure.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("change", [{"asked_by": "Bob"}, {"clips": 2}, {"models": [{"version": 1}]}])
def test_a_receipt_that_was_changed_is_refused(lake, intent, change):
    receipt = write_receipt(lake, intent, num_files=7)
    path = lake.home / "changed.json"
    path.write_text(json.dumps({**receipt, **change}))
    with pytest.raises(ValueError, match="was changed after it was signed"):
        check_receipt(lake, path)


def test_another_homes_receipt_is_refused(lake, intent, tmp_path):
    write_receipt(lake, intent, num_files=7)
    other = Lake(UPath(tmp_path / "other"))
    with pytest.raises(ValueError, match="another home signed it"):
        check_receipt(other, lake.home / "receipts" / f"{intent.name}.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"public_key": "00", "signature": "00"}'])
def test_what_is_no_receipt_is_refused(lake, tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        check_receipt(lake, tmp_path / "r.json")


def test_the_record_of_an_erasure_comes_back(lake, intent):
    intent.camera_days.add("2026-03-02_gate-03")
    keep(lake, intent)
    assert unfinished(lake) == [intent]
    path_of(lake, intent).unlink()
    assert unfinished(lake) == []


def test_what_was_found_counts_once_however_often_it_is_found(intent):
    intent.note("ratings rows", {"page": 5, "import": 2})
    intent.note("ratings rows", {"import": 1})
    assert intent.counts() == {"copies": 1, "ratings rows": 7}

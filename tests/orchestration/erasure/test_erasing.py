"""An erasure as a whole: everywhere, killed at every moment, others untouched."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from apexline.assets.ingest.tombstones import is_erased
from apexline.assets.lake.clips import find_clip
from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.governance import place_hold
from apexline.orchestration import occupancy
from apexline.orchestration.erasure import erasing
from apexline.orchestration.erasure.erasing import RemainsError, erase, preview, resume
from apexline.orchestration.erasure.intent import unfinished
from apexline.orchestration.erasure.receipt import check_receipt
from apexline.orchestration.erasure.target import Request
from apexline.orchestration.line import Line
from apexline.orchestration.occupancy import working
from tests.orchestration.erasure.small_home import DAY, NAME, OTHER_DAY, pixels, remains, track
from tests.orchestration.installation import quiet

COUNTS = {
    "stored files": 2,
    "copies": 3,
    "quarantined files": 3,
    "failure records": 1,
    "survey answers": 4,
    "ratings rows": 6,
    "PAD space entries": 2,
    "training_set rows": 2,
    "listed examples": 1,
    "recorded runs": 1,
    "sensor cursors": 1,
    "sensor ticks": 1,
    "logs": 4,
    "pages": 2,
    "warehouse files": 2,
    "lake files": 11,
    "earlier receipts": 1,
}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def nothing_anew(monkeypatch):
    """Leave out what is recorded and published afterwards: seconds, and tested by itself."""
    monkeypatch.setattr(erasing, "_record_anew", lambda line, intent, on_step: {})


def left_of(small):
    needles = [small.doomed, small.sha256[:12], track(small.doomed), NAME, "again.mp4", "copy of it.bin"]
    faces = {pixels(small.doomed, k) for k in range(3)}
    faces |= {pixels(small.doomed, k, 48) for k in (0, 1, 9)}
    return remains(Path(small.settings.home), needles, faces, small.sha256)


def of_others(small):
    own = (small.doomed, track(small.doomed))
    rows = {table: small.lake.read_all(table).to_pylist() for table in TABLES}
    return {
        table: [each for each in found if not any(ident in str(each) for ident in own)]
        for table, found in rows.items()
    }


@pytest.mark.usefixtures("nothing_anew")
def test_nothing_is_left_and_others_are_untouched(small):
    before = of_others(small)
    assert len(left_of(small)) > 50  # the searcher finds what is there
    [receipt] = erase(small.settings, Request(clips=(small.doomed,)), by=" Ada Lovelace ", on_step=quiet)
    assert left_of(small) == []
    assert of_others(small) == before
    assert all(find_clip(small.lake, each) for each in (small.kept, small.elsewhere))
    assert small.lake.fingerprint_of("training_set", "examples") == "trained"
    assert receipt["deleted"] == COUNTS
    assert (receipt["asked_by"], receipt["clips"]) == ("Ada Lovelace", 1)
    stored = small.lake.home / "receipts" / f"{receipt['receipt']}.json"
    assert check_receipt(small.lake, stored)["deleted"] == COUNTS
    assert unfinished(small.lake) == []
    assert is_erased(small.lake, small.sha256)
    with dg.DagsterInstance.from_config(str(small.settings.dagster_home)) as instance:
        records = instance.fetch_materializations(dg.AssetKey("face_tracks"), limit=9).records
        assert not {record.partition_key for record in records} & {DAY}


def test_a_dry_run_lists_and_changes_nothing(small):
    files = sorted(path for path in Path(small.settings.home).rglob("*") if path.is_file())
    listed = preview(small.settings, Request(clips=(small.doomed,)))
    assert {place: listed[place] for place in COUNTS} == COUNTS
    after = sorted(path for path in Path(small.settings.home).rglob("*") if path.is_file())
    assert [path for path in files if path not in after] == [Path(small.settings.home) / "tmp" / "left"]
    assert find_clip(small.lake, small.doomed)


@pytest.mark.usefixtures("nothing_anew")
def test_killed_at_every_moment_and_given_again(small, monkeypatch):
    """Before and after every file that is written or deleted, and each step: all moments, one after another."""
    moments = {"left": 0}

    def moment():
        moments["left"] -= 1
        if moments["left"] == 0:
            raise Killed

    def killed_around(owner, name):
        whole = getattr(owner, name)

        def part(*args, **options):
            moment()
            result = whole(*args, **options)
            moment()
            return result

        monkeypatch.setattr(owner, name, part)

    for owner, name in (
        *(
            (erasing, each)
            for each in ("keep", "bury", "compact", "search_home", "write_receipt", "remove_empty_logs")
        ),
        *((Path, each) for each in ("unlink", "replace")),
        (dg.DagsterInstance, "delete_run"),
        (dg.DagsterInstance, "purge_ticks"),
    ):
        killed_around(owner, name)
    request, kills, receipt = Request(clips=(small.doomed,)), 0, None
    while receipt is None:
        kills += 1
        moments["left"] = 3 * kills
        with contextlib.suppress(Killed):
            erase(small.settings, request, by="Ada", on_step=quiet)
        written = [path for path in (small.lake.home / "receipts").glob("*") if path.stem != small.doomed]
        assert unfinished(small.lake) or written or kills == 1, "killed, and nobody would know"
        receipt = written[0] if written and not unfinished(small.lake) else None
    assert kills > 10
    assert left_of(small) == []
    assert check_receipt(small.lake, receipt)["deleted"] == COUNTS


@pytest.mark.usefixtures("nothing_anew")
def test_a_process_that_was_killed_is_finished_by_another(small):
    script = (
        "import os, signal, sys\n"
        "from apexline.orchestration.erasure import erasing\n"
        "from apexline.orchestration.erasure.target import Request\n"
        "from apexline.orchestration.settings import Settings\n"
        "erasing.compact = lambda databases: os.kill(os.getpid(), signal.SIGKILL)\n"
        "erasing.erase(Settings(), Request(clips=(sys.argv[1],)), by='Ada', on_step=lambda *_: None)\n"
    )
    environment = {
        **os.environ,
        "APEXLINE_HOME": small.settings.home,
        "APEXLINE_CONFIG": str(small.settings.config),
        "APEXLINE_MLFLOW_TRACKING_URI": small.settings.mlflow_tracking_uri,
    }
    ended = subprocess.run([sys.executable, "-c", script, small.doomed], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(unfinished(small.lake)) == 1
    [receipt] = resume(small.settings, on_step=quiet)
    assert left_of(small) == []
    assert receipt["deleted"] == COUNTS
    with pytest.raises(LookupError, match=f"no clip '{small.doomed}' is stored"):
        erase(small.settings, Request(clips=(small.doomed,)), by="Ada", on_step=quiet)


@pytest.mark.usefixtures("nothing_anew")
def test_what_is_left_fails_the_erasure_until_it_is_gone(small):
    strange = Path(small.settings.home) / "notes.txt"
    strange.write_text(f"remember {small.doomed}!")
    request = Request(clips=(small.doomed,))
    with pytest.raises(RemainsError, match="notes.txt: id"):
        erase(small.settings, request, by="Ada", on_step=quiet)
    assert len(unfinished(small.lake)) == 1
    assert not [path for path in (small.lake.home / "receipts").glob("*") if path.stem != small.doomed]
    strange.unlink()
    [receipt] = erase(small.settings, request, by="Ada", on_step=quiet)
    assert receipt["deleted"] == COUNTS
    assert left_of(small) == []


def test_a_whole_camera_is_one_erasure(small):
    """What is left of the camera-days is recorded anew, and a camera-day without clips is no partition any more."""
    [receipt] = erase(small.settings, Request(camera="gate-07"), by="Ada", on_step=quiet)
    assert receipt["clips"] == 1
    assert remains(Path(small.settings.home), [small.elsewhere, track(small.elsewhere), OTHER_DAY]) == []
    assert find_clip(small.lake, small.doomed)


@pytest.mark.parametrize(
    ("held", "request_"),
    [
        ({"clips": "doomed"}, Request(camera="gate-03")),
        ({"camera": "gate-03"}, Request(day="2026-03-03")),
        ({"day": "2026-03-03"}, Request(camera="gate-07")),
    ],
)
def test_a_held_clip_is_not_erased_until_the_hold_is_released(small, held, request_):
    home, now = small.settings.home_path, datetime.now(UTC)
    named = {"clips": (small.doomed,)} if "clips" in held else held
    terms = {"by": "Ada", "reason": "court order 7", "now": now, "until": now + timedelta(days=9)}
    hold = place_hold(home, **terms, **named)
    with pytest.raises(PermissionError, match=rf"court order 7; .* apexline release {hold.hold}"):
        erase(small.settings, request_, by="Ada", on_step=quiet)
    assert all(find_clip(small.lake, each) for each in (small.doomed, small.kept, small.elsewhere))
    assert unfinished(small.lake) == []


def test_a_clip_that_was_refused_is_held_with_its_camera(small):
    for path in (small.lake.home / "clips").glob(f"*/{small.doomed}.*"):
        path.unlink()
    now = datetime.now(UTC)
    terms = {"by": "Ada", "reason": "court", "now": now, "until": now + timedelta(days=9)}
    place_hold(small.settings.home_path, camera="gate-03", **terms)
    with pytest.raises(PermissionError, match="is held until"):
        erase(small.settings, Request(clips=(small.sha256,)), by="Ada", on_step=quiet)
    assert list((small.lake.home / "quarantine").glob("*.quarantined"))


def test_killed_while_what_remains_is_recorded_anew(small, monkeypatch):
    """The run that was killed is no hindrance, and what was recorded anew does not count as erased."""
    whole, request = Line.run, Request(clips=(small.doomed,))

    def run(line, job, **options):
        if job == "publish":
            raise Killed
        whole(line, job, **options)

    monkeypatch.setattr(Line, "run", run)
    with pytest.raises(Killed):
        erase(small.settings, request, by="Ada", on_step=quiet)
    monkeypatch.setattr(Line, "run", whole)
    with dg.DagsterInstance.from_config(str(small.settings.dagster_home)) as instance:
        [recorded] = [each for each in instance.get_runs() if each.job_name == "process_camera_day"]
        hanging = instance.create_run_for_job(
            _nothing, tags=recorded.tags, status=dg.DagsterRunStatus.STARTED
        )
    [receipt] = resume(small.settings, on_step=quiet)
    assert receipt["deleted"] == COUNTS
    assert left_of(small) == []
    with dg.DagsterInstance.from_config(str(small.settings.dagster_home)) as instance:
        assert not instance.has_run(hanging.run_id)
        assert instance.has_run(recorded.run_id)


@dg.job(name="process_camera_day")
def _nothing():
    pass


def test_nothing_is_erased_while_somebody_works(small, monkeypatch):
    monkeypatch.setattr(occupancy, "PATIENCE_S", 0.0)
    with working(small.settings), pytest.raises(BlockingIOError, match="is at work in"):
        erase(small.settings, Request(clips=(small.doomed,)), by="Ada", on_step=quiet)
    assert find_clip(small.lake, small.doomed)
    assert unfinished(small.lake) == []


@pytest.mark.usefixtures("nothing_anew")
def test_a_raters_answers_go_and_nobody_elses(small):
    home = Path(small.settings.home)
    [receipt] = erase(small.settings, Request(rater="anna7"), by="Ada", on_step=quiet)
    assert remains(home, ["anna7"]) == []
    assert (receipt["raters"], receipt["clips"], receipt["content"]) == (1, 0, [])
    assert set(small.lake.read_all("ratings")["rater"].to_pylist()) == {"r2"}
    assert small.lake.read_all("reviews")["reviewer"].to_pylist() == ["r2"] * 3
    assert receipt["deleted"]["reviews"] == 3
    text = (home / "surveys" / "import.csv").read_text(encoding="utf-8")
    assert text.count('"Zoë; r"') == 3
    assert json.loads((home / "surveys" / "sessions.json").read_text()) == {
        "c3d4": {"rater": "r2", "consent": True}
    }
    assert find_clip(small.lake, small.doomed)
    with pytest.raises(LookupError, match="no answer of a rater 'anna7'"):
        erase(small.settings, Request(rater="anna7"), by="Ada", on_step=quiet)
    assert Lake(small.settings.home_path).names("ratings") == ["import"]

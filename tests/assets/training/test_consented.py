"""People who consented to be tested on: kept apart, told in groups alone, and no version becomes champion over them."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data

from apexline.assets.parameters import Parameters
from apexline.assets.training import champion as champion_module
from apexline.assets.training import consented
from apexline.assets.training.champion import champion
from apexline.assets.training.consented import (
    consented_file,
    evaluate_on_consented,
    measure_fairness,
    read_consented,
    take_in_consented,
)
from apexline.assets.training.decisions import latest_decision
from apexline.features.config import FeatureConfig
from apexline.governance import audit_lines
from tests.assets.training.examples import EMOTIONS, FoldReader, example

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
UNTIL = date(2027, 6, 1)
PARAMETERS = Parameters(FeatureConfig())


def write_set(folder, rows, picture=None):
    folder.mkdir(exist_ok=True)
    for row in rows:
        grey = np.full((128, 128), row["number"], np.uint8) if picture is None else picture
        cv2.imwrite(str(folder / row["image"]), grey)
    with (folder / "faces.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [name for name in rows[0] if name != "number"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def person(number, **said):
    return {
        "number": number,
        "image": f"{number}.png",
        "emotion": EMOTIONS[number % 4],
        "subject": f"p{number}",
        **said,
    }


def take_in(lake, folder, **changes):
    said = {"consent": "signed forms of May, cabinet 3", "until": UNTIL, "by": "Ada", "now": NOW} | changes
    return take_in_consented(lake, PARAMETERS, folder, **said, on_step=lambda *_: None)


@pytest.fixture
def aligned_already(monkeypatch):
    """Pictures are taken for aligned faces, each of one grey that `FoldReader` knows it by."""
    monkeypatch.setattr(consented, "make_detector", lambda config: None)
    monkeypatch.setattr(consented, "align_raw_crop", lambda image, detector: (image, None))


# 24 people of each group, and 3 of a small one.
PEOPLE = [
    *(person(k, sex="woman", age="") for k in range(24)),
    *(person(k, sex="man", age="old") for k in range(24, 48)),
    *(person(k, sex="another", age="old") for k in range(48, 51)),
]


@pytest.fixture
def people(lake, tmp_path, aligned_already):
    take_in(lake, write_set(tmp_path / "people", PEOPLE))
    return read_consented(lake, now=NOW)


class Registry:
    def __init__(self, model):
        self.model, self.logged = model, {}
        self.client = SimpleNamespace(log_text=lambda run, text, name: self.logged.update({name: text}))

    def load_model(self, number):
        return self.model

    def run_id(self, number):
        return "run"


def test_faces_are_found_and_pictures_without_one_are_left_out(lake, tmp_path):
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    folder = write_set(tmp_path / "people", [person(0, sex="woman"), person(1, sex="woman")], portrait)
    cv2.imwrite(str(folder / "1.png"), np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8))
    found = take_in(lake, folder)
    assert (found["faces"], found["without_face"]) == (1, 1)
    kept = read_consented(lake, now=NOW)
    assert kept.data.images[0].std() > 20
    assert kept.data.texture.shape[1] > 100
    assert kept.groups == {"sex": np.array(["woman"])}
    assert consented_file(lake).stat().st_mode & 0o077 == 0


def test_who_took_them_in_is_on_record_and_what_they_say_is_not(lake, people):
    [said] = audit_lines(lake.home)
    assert (said["action"], said["who"], said["faces"], said["attributes"]) == (
        "register",
        "Ada",
        51,
        "sex, age",
    )
    assert "woman" not in str(said)
    assert people.about["consent"] == "signed forms of May, cabinet 3"
    assert set(people.groups["age"]) == {"not said", "old"}


def test_when_the_consent_has_ended_there_is_nobody_to_test_on(lake, people):
    assert read_consented(lake, now=NOW + timedelta(days=184)) is not None
    assert read_consented(lake, now=NOW + timedelta(days=185)) is None
    with pytest.raises(LookupError, match="apexline consented FOLDER"):
        measure_fairness(
            lake, Registry(FoldReader([])), 1, min_count=20, by="Ada", now=NOW + timedelta(days=185)
        )


@pytest.mark.parametrize(
    ("rows", "changes", "error", "said"),
    [
        ([person(0)], {}, ValueError, "one for each attribute"),
        ([person(0, sex="woman", emotion="bored")], {}, ValueError, "unknown emotions"),
        ([person(0, sex="woman")], {"consent": " "}, ValueError, "what people consented to"),
        ([person(0, sex="woman")], {"until": NOW.date()}, ValueError, "a day to come"),
        ([person(0, sex="woman", image="../0.png")], {}, FileNotFoundError, "which is not in"),
    ],
)
def test_what_is_no_set_is_refused(lake, tmp_path, aligned_already, rows, changes, error, said):
    folder = write_set(tmp_path / "people", [{**row, "image": "0.png"} for row in rows])
    if rows[0]["image"] != "0.png":
        (folder / "faces.csv").write_text("image,emotion,subject,sex\nlost.png,happy,p0,woman\n")
    with pytest.raises(error, match=said):
        take_in(lake, folder, **changes)
    assert not consented_file(lake).exists()


def test_pictures_without_any_face_are_no_set(lake, tmp_path, monkeypatch, aligned_already):
    monkeypatch.setattr(consented, "align_raw_crop", lambda image, detector: None)
    with pytest.raises(ValueError, match="no face was found"):
        take_in(lake, write_set(tmp_path / "people", [person(0, sex="woman")]))


def test_groups_are_told_with_intervals_and_small_ones_are_left_out(lake, people):
    registry = Registry(FoldReader(range(36)))  # right of all women, and of half of the men
    found = measure_fairness(lake, registry, 7, min_count=20, by="Ada", now=NOW)
    rows = {(row["attribute"], row["group"]): row for row in found["groups"]}
    assert set(rows) == {("sex", "woman"), ("sex", "man"), ("age", "not said"), ("age", "old")}
    assert found["left_out"] == 1
    man = rows["sex", "man"]
    assert (man["count"], man["subjects"], man["accuracy"]) == (24, 24, 0.5)
    assert 0.2 < man["low"] < 0.5 < man["high"] < 0.8
    [sex] = [row for row in found["fairlearn"] if row["dimension"] == "sex"]
    assert (sex["worst_group"], sex["difference"], sex["ratio"]) == ("man", 0.5, 0.5)
    assert json.loads(registry.logged["fairness.json"]) == json.loads(json.dumps(found))
    assert "p3" not in registry.logged["fairness.json"]
    assert audit_lines(lake.home)[-1]["model_version"] == 7


def test_a_model_that_reads_motion_is_given_none(people):
    class Reader(FoldReader):
        reducer = SimpleNamespace(flow_mean=np.zeros(5))

        def predict(self, images, texture, flow, onsets):
            assert flow.shape == (51, 5)
            assert np.isnan(flow).all()
            return super().predict(images)

    assert evaluate_on_consented(Reader(range(51)), people).recognition == 1.0


def test_who_wins_on_average_and_loses_on_a_group_of_these_people_is_not_promoted(
    materialise, lake, people, monkeypatch
):
    folds = {"train": range(100, 108), "valid": range(108, 116), "test": range(116, 124)}
    rows = [example(number, fold=fold) for fold, numbers in folds.items() for number in numbers]
    lake.write("training_set", "examples", rows, stamp="s")
    models = {
        2: FoldReader(range(51)),
        3: FoldReader([*range(24), *folds["test"]]),
    }  # the second knows no man
    aliases = {"champion": 2, "challenger": 3}
    registry = SimpleNamespace(
        load_model=models.get,
        tags=lambda number: {"synthetic": "true"},
        get_alias=aliases.get,
        set_alias=aliases.__setitem__,
        list_versions=lambda: [SimpleNamespace(number=number) for number in models],
    )
    monkeypatch.setattr(champion_module, "read_consented", lambda lake, *, now: read_consented(lake, now=NOW))
    materialise(champion, config={"approved_by": "ada"}, lake=lake, registry=registry)
    decision = latest_decision(lake)
    assert decision["difference_low"] == 1.0
    assert "it is worse than the champion on sex man: -1.000" in decision["reason"]
    assert aliases["champion"] == 2
    consented_file(lake).unlink()  # without these people it is another question
    materialise(champion, config={"approved_by": "ada"}, lake=lake, registry=registry)
    assert aliases["champion"] == 3

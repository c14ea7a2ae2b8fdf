"""Cards say what was measured and what the model is not for."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.config import AbstentionConfig, TrainConfig
from apexline.ml.deepid.pretrained import load_pretrained
from apexline.ml.deepid.training.train import train_deepid
from apexline.ml.evaluation.cards import (
    EXCLUDED_USES,
    data_facts,
    data_sheet,
    model_card,
    model_facts,
    shipped_card,
    shipped_sheet,
    shipped_slices,
)
from apexline.ml.evaluation.recognition import evaluate
from apexline.ml.evaluation.slices import light_groups
from apexline.orchestration.governing.prose import printed_numbers


@pytest.fixture(scope="module")
def tested(data, split, anchors):
    model = train_deepid(
        data, split, version="baseline", config=TrainConfig(epochs=1), seed=3, pad_anchors=anchors
    ).model.learn_limits(data.take(split.train), data.take(split.valid), config=AbstentionConfig())
    return model, evaluate(model, data, np.arange(48), groups={"light": light_groups(data.images)})


def test_the_card_says_what_was_measured(tested):
    model, evaluation = tested
    card = model_card(model_facts(model, evaluation, parameters={"dagster_run_id": "run-7"}))
    metrics = evaluation.metrics()
    for words in (
        "apparent expression",
        "`baseline`",
        "seed 3",
        "dagster_run_id: run-7",
        "every number is synthetic",
        f"{metrics['recognition']:.3f} ({metrics['recognition_low']:.3f} to",
        f"10 bins of equal width | {metrics['calibration_error']:.3f}",
        f"most confident 80% | {metrics['error_at_80']:.3f}",
        f"temperature {model.temperature:.2f}",
        f"min_confidence | {model.limits.min_confidence:.3f} | probability | learned",
        "min_face_px | 32.000 | px of the frame | stated",
        "with at least 20 faces: light ",
    ):
        assert words in card, words
    assert "synthetic" not in model_card(
        model_facts(model, replace(evaluation, synthetic=False), parameters={})
    )


@pytest.mark.parametrize("use", ["Identifying", "what a person feels", "employment, education, policing"])
def test_card_and_sheet_exclude_uses(tested, data, split, use):
    model, evaluation = tested
    assert any(use in each for each in EXCLUDED_USES)
    assert use in model_card(model_facts(model, evaluation, parameters={}))
    assert use in data_sheet(data_facts(data, split))


def test_a_small_test_set_has_no_worst_group(tested, data):
    model, _ = tested
    card = model_card(model_facts(model, evaluate(model, data, np.arange(9)), parameters={}))
    assert "No group has 20 faces" in card


def test_the_sheet_counts_what_is_there(data, split):
    sheet = data_sheet(data_facts(data, split, groups={"source": ["here", "there"] * 24}))
    assert "48 faces; 0% with soft labels" in sheet
    assert "**synthetic**" in sheet
    rows = {row.split(" | ")[0]: row for row in sheet.splitlines() if row.startswith("| ")}
    train = data.targets[split.train]
    assert rows["| train"].split(" | ")[2:6] == [str((train == k).sum()) for k in range(4)]
    here = [str((rows_of % 2 == 0).sum()) for rows_of in (split.train, split.valid, split.test)]
    assert f"| source | here | {' | '.join(here)} |" in sheet
    assert "Faces of real people" in data_sheet(data_facts(replace(data, synthetic=False), split))


def test_the_card_of_the_shipped_model_shows_what_was_stored_beside_it():
    card = load_pretrained().card
    shown = shipped_card(card)
    assert f"| accuracy | {card['metrics']['accuracy']:.3f} |" in shown
    assert f"Recall: happy {card['metrics']['recall']['happy']:.3f}, " in shown
    assert all(f"* {use}" in shown for use in (*card["intended_uses"], *card["excluded_uses"]))


def test_a_card_is_stored_without_blank_ends_and_with_single_blank_lines(tested, data, split):
    model, evaluation = tested
    for page in (
        model_card(model_facts(model, evaluation, parameters={})),
        data_sheet(data_facts(data, split)),
    ):
        assert page == page.strip()
        assert "\n\n\n" not in page


def test_the_sheet_and_slices_of_the_shipped_model_come_from_its_card():
    card = load_pretrained().card
    sheet = shipped_sheet(card, split_hash="0123456789abcdef")
    assert sheet.startswith("# Data sheet: what the model that ships")
    assert f"| train | {card['examples']['train']} |" in sheet
    assert "(hash `0123456789ab`)" in sheet
    slices = shipped_slices(card)
    assert dict(zip(slices["slice"], slices["accuracy"], strict=True)) == card["metrics"]["recall"]
    assert set(slices["dimension"]) == {"expression"}


def test_every_number_in_the_prose_is_one_of_the_facts(tested, data, split):
    facts = model_facts(*tested, parameters={"started_from": "1"})
    card = model_card(facts)
    assert len(printed_numbers(card, facts)) > 30
    assert [each for each in printed_numbers(card, facts) if not each.key] == []
    boast = card.replace("## Where it does worst", "It is right of 97.3% of faces.")
    assert [each.text for each in printed_numbers(boast, facts) if not each.key] == ["97.3%"]
    learned = data_facts(data, split)
    assert [each for each in printed_numbers(data_sheet(learned), learned) if not each.key] == []

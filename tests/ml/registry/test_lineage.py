"""The list of examples that a training run leaves."""

import csv
import io

from apexline.ml.registry.lineage import LEARNED_FROM, examples_csv, learned_examples


def test_every_example_stands_with_its_fold(data, split):
    rows = list(csv.DictReader(io.StringIO(examples_csv(data, split))))
    assert {row["example_id"]: row["fold"] for row in rows} == dict(zip(data.ids, split.folds, strict=True))


def test_it_comes_back_from_the_registry(logged, data, split):
    registry = logged.registry
    found = learned_examples(registry.client, registry.run_id(logged.numbers["baseline"]))
    assert found == dict(zip(data.ids.tolist(), split.folds.tolist(), strict=True))


def test_a_run_without_it_says_so(logged):
    client = logged.registry.client
    run = client.create_run("0")
    assert learned_examples(client, run.info.run_id) is None
    assert LEARNED_FROM.endswith(".csv")  # the erasure of a clip takes its lines out of tables

"""The examples in the docstrings of what a user calls first: they come in by the door, and give what they print."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("assets", "bench", "features", "governance", "ml", "networks", "orchestration", "sample", "survey")
EXAMPLES = [
    "apexline.ml.shift_of_values",
    "apexline.ml.shift_of_words",
    "apexline.assets.lake.Manifest",
    "apexline.features.FeatureConfig",
    "apexline.features.load_config",
    "apexline.features.spot_clip",
    "apexline.features.flow.flow_angle",
    "apexline.features.flow.horn_schunck",
    "apexline.features.flow.horn_schunck_pyramid",
    "apexline.features.modc.modc_codes",
    "apexline.features.modc.modc_histograms",
    "apexline.features.spotting.spot",
    "apexline.ml.nearest_adjectives",
    "apexline.ml.nearest_emotion",
    "apexline.ml.paired_bootstrap",
    "apexline.ml.sign_flip_p",
    "apexline.ml.datasets.split_by_subject",
    "apexline.ml.deepid.DeepID",
    "apexline.ml.deepid.load_pretrained",
    "apexline.ml.semantic_space.fit_semantic_space",
    "apexline.ml.spotting_metrics.frame_roc",
    "apexline.ml.spotting_metrics.match_segments",
    "apexline.ml.surveys.mean_scores",
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    door, _, attribute = name.rpartition(".")
    shown = getattr(import_module(door), attribute)
    # without the names of its module: an example has to import what it uses
    (example,) = doctest.DocTestFinder(recurse=False).find(shown, name, globs={})
    assert f"from {door} import" in example.docstring
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert result.attempted
    assert not result.failed, "".join(said)


def test_every_example_is_run():
    documented = (ast.FunctionDef, ast.ClassDef, ast.Module)
    shown = {
        getattr(node, "name", str(file))
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, documented) and ">>>" in (ast.get_docstring(node) or "")
    }
    assert shown == {name.rpartition(".")[2] for name in EXAMPLES}

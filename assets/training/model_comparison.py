"""Asset ``model_comparison``: the three versions side by side, as in Table 3."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from apexline.assets import checks
from apexline.assets.figures import risk_coverage_plot, slices_plot, table_3_plot
from apexline.assets.lake import Lake, fingerprint
from apexline.assets.metadata import asset_attributes, column_schema, figures, table_preview
from apexline.assets.parameters import Parameters
from apexline.assets.training.decisions import CHALLENGER
from apexline.assets.training.deepid_versions import VERSIONS, model_stamp
from apexline.assets.training.training_table import describe_examples, load_training_set
from apexline.ml.evaluation import slice_scores, worst_slice
from apexline.ml.registry import DATA_SHEET, MODEL_CARD, ModelRegistry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from apexline.ml.evaluation import Evaluation

CODE_VERSION = "2"


@dg.asset(
    deps=["deepid_baseline", "deepid_features", "deepid_semantic"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.same_split, asset="model_comparison", blocking=True)],
    **asset_attributes("training", "mlflow", "parquet"),
)
def model_comparison(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Loss, recognition and classification of the three versions on the frozen test subjects (Table 3).

    Beside them how far their answers can be relied on: calibration error, error against the share answered, and the
    groups of faces where the challenger does worst, with its model card.

    The version with the lowest validation loss becomes challenger: the test fold chooses nothing.
    """
    numbers: dict[str, int] = {}
    for version in VERSIONS:
        found = registry.find_version(model_stamp(lake, parameters, version))
        if found is None:
            msg = f"no registered model fits the present training set; materialise deepid_{version} first"
            raise LookupError(msg)
        numbers[version] = found
    stamp = fingerprint(
        CODE_VERSION, numbers, [model_stamp(lake, parameters, version) for version in VERSIONS]
    )
    name = stamp[:12]
    computed = int(lake.fingerprint_of("model_comparison", name) != stamp)
    evaluations = cache(lambda: _evaluate(lake, registry, numbers))
    if computed:
        rows = [
            _row(lake, parameters, registry, version, number, evaluations()[version])
            for version, number in numbers.items()
        ]
        challenger = min(numbers.values(), key=registry.validation_loss)
        registry.set_alias(CHALLENGER, challenger)
        lake.write("model_comparison", name, rows, stamp=stamp)
        context.log.info(f"version {challenger} is challenger: lowest validation loss")
    table = lake.read("model_comparison", name)
    chosen = registry.get_alias(CHALLENGER)
    return dg.MaterializeResult(
        metadata={
            **figures(
                context,
                changed=bool(computed),
                draw=lambda: _figures(table, evaluations(), shown=_name_of(numbers, chosen)),
            ),
            "computed": computed,
            "unchanged": 1 - computed,
            "challenger": chosen or 0,
            "table_3": table_preview(table.to_pylist()),
            **({} if chosen is None else documents(registry, chosen)),
            **column_schema("model_comparison"),
        },
        data_version=dg.DataVersion(stamp),
        check_results=[checks.same_split(table)],
    )


def documents(registry: ModelRegistry, number: int) -> dict[str, dg.MarkdownMetadataValue]:
    """Return model card and data sheet of a version as metadata."""
    return {
        "model_card": dg.MetadataValue.md(registry.document(number, MODEL_CARD)),
        "data_sheet": dg.MetadataValue.md(registry.document(number, DATA_SHEET)),
    }


def _evaluate(lake: Lake, registry: ModelRegistry, numbers: Mapping[str, int]) -> "dict[str, Evaluation]":
    """Test the versions on the frozen test subjects, with the groups and the quality of their faces."""
    from apexline.ml.evaluation import evaluate  # SciPy's statistics take a second to import

    data, split = load_training_set(lake)
    groups, quality = describe_examples(lake)
    return {
        name: evaluate(registry.load_model(number), data, split.test, groups=groups, quality=quality)
        for name, number in numbers.items()
    }


def _name_of(numbers: Mapping[str, int], challenger: int | None) -> str:
    return next((name for name, number in numbers.items() if number == challenger), VERSIONS[-1])


def _figures(
    table: pa.Table, evaluations: "Mapping[str, Evaluation]", *, shown: str
) -> list[tuple[str, "Figure"]]:
    """Draw Table 3, coverage against risk of all versions, and the groups of the one shown."""
    synthetic = evaluations[shown].synthetic
    return [
        ("Table 3 beside the paper", table_3_plot(table.to_pandas())),
        ("Coverage and risk", risk_coverage_plot(evaluations, synthetic=synthetic)),
        (f"Groups of faces, {shown}", slices_plot(slice_scores(evaluations[shown]), synthetic=synthetic)),
    ]


def _row(
    lake: Lake,
    parameters: Parameters,
    registry: ModelRegistry,
    version: str,
    number: int,
    evaluation: "Evaluation",
) -> dict[str, object]:
    _, split = load_training_set(lake)
    worst = worst_slice(slice_scores(evaluation))
    return {
        "version": version,
        "model_version": number,
        "run_id": registry.run_id(number),
        "split_hash": split.split_hash,
        "seed": parameters.training_set.seed,
        **evaluation.metrics(),
        "worst_slice": None if worst is None else f"{worst['dimension']} {worst['slice']}",
        "worst_accuracy": None if worst is None else worst["accuracy"],
        "synthetic": evaluation.synthetic,
    }

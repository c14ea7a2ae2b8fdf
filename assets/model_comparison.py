"""Asset ``model_comparison``: the three versions side by side, as in Table 3."""

import dagster as dg

from assets import checks
from assets.deepid_versions import VERSIONS, model_stamp
from assets.describe import about, columns_of, plots, table_preview
from assets.lake import Lake, fingerprint
from assets.parameters import Parameters
from assets.report_page import table_3_plot
from assets.training_set import load_training_set
from ml.registry import ModelRegistry

CODE_VERSION = "1"
CHALLENGER = "challenger"


@dg.asset(
    deps=["deepid_baseline", "deepid_features", "deepid_semantic"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("same_split", asset="model_comparison", blocking=True)],
    **about("training", "mlflow", "parquet"),
)
def model_comparison(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Loss, recognition and classification of the three versions on the frozen test subjects (Table 3).

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
    if computed:
        rows = [_row(lake, parameters, registry, version, number) for version, number in numbers.items()]
        challenger = min(numbers.values(), key=registry.validation_loss)
        registry.set_alias(CHALLENGER, challenger)
        lake.write("model_comparison", name, rows, stamp=stamp)
        context.log.info(f"version {challenger} is challenger: lowest validation loss")
    table = lake.read("model_comparison", name)
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": 1 - computed,
            "challenger": registry.get_alias(CHALLENGER) or 0,
            **plots(
                context,
                changed=bool(computed),
                draw=lambda: [("Table 3 beside the paper", table_3_plot(table.to_pandas()))],
            ),
            "table_3": table_preview(table.to_pylist()),
            **columns_of("model_comparison"),
        },
        data_version=dg.DataVersion(stamp),
        check_results=[checks.same_split(table)],
    )


def _row(
    lake: Lake, parameters: Parameters, registry: ModelRegistry, version: str, number: int
) -> dict[str, object]:
    from ml.evaluate import evaluate  # torch takes seconds to import

    data, split = load_training_set(lake)
    metrics = evaluate(registry.load_model(number), data, split.test).metrics()
    metrics.pop("calibration_error")
    return {
        "version": version,
        "model_version": number,
        "run_id": registry.run_id(number),
        "split_hash": split.split_hash,
        "seed": parameters.training_set.seed,
        **metrics,
        "synthetic": data.synthetic,
    }

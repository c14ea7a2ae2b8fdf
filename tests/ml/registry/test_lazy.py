"""MLflow is imported late, and with its settings."""

import logging
import subprocess
import sys

from apexline.ml.registry.lazy import mlflow_warnings_ignored


def test_importing_the_registry_is_light_and_switches_telemetry_off():
    script = (
        "import os, sys, apexline.ml.registry.client\n"
        "assert 'mlflow' not in sys.modules and 'torch' not in sys.modules\n"
        "assert os.environ['MLFLOW_DISABLE_TELEMETRY'] == 'true'\n"
        "assert os.environ['MLFLOW_ALLOW_PICKLE_DESERIALIZATION'] == 'false'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_that_a_shut_door_gave_no_answer_to_an_example_is_not_told():
    logger, told = logging.getLogger("mlflow.models.model"), []
    handler = logging.Handler()
    handler.emit = lambda said: told.append(said.getMessage())
    logger.addHandler(handler)
    try:
        with mlflow_warnings_ignored():
            logger.warning("Failed to validate serving input example {...}")
            logger.warning("another one")
        logger.warning("Failed to validate serving input example {...}")
    finally:
        logger.removeHandler(handler)
    assert [each.split()[0] for each in told] == ["another", "Failed"]

"""MLflow is imported late, and with its settings."""

import subprocess
import sys


def test_importing_the_registry_is_light_and_switches_telemetry_off():
    script = (
        "import os, sys, apexline.ml.registry.client\n"
        "assert 'mlflow' not in sys.modules and 'torch' not in sys.modules\n"
        "assert os.environ['MLFLOW_DISABLE_TELEMETRY'] == 'true'\n"
        "assert os.environ['MLFLOW_ALLOW_PICKLE_DESERIALIZATION'] == 'false'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

"""Where the checkout lies that benchmarks run in: they are not installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"

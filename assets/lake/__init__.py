"""Parquet files that are the truth, and what can be looked up in them (no stage in here).

The public names stand in ``__init__.pyi`` and are imported when first asked for: who reads a clip needs no Dagster.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.lake", __file__)

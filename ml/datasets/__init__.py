"""Labelled faces as arrays, public data sets, subject-disjoint splits.

The public names stand in ``__init__.pyi`` and are imported when first asked for: pandas, which tables of public data
sets are read with, takes half a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml.datasets", __file__)

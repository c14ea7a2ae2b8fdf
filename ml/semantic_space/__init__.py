"""Ratings to pleasure-arousal-dominance, eq. (28)-(30): factors, rotation, congruence.

The public names stand in ``__init__.pyi`` and are imported when first asked for: factor_analyzer takes a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml.semantic_space", __file__)

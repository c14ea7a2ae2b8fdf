"""Group `scoring`: `segment_scores`, `score_shift`, and faces to answers.

The public names stand in ``__init__.pyi`` and are imported when first asked for: who scores one clip needs no Dagster.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.scoring", __file__)

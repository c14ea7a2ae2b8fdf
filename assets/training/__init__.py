"""Group `training`: `training_set`, `deepid_*`, `model_comparison`, `champion`.

The public names stand in ``__init__.pyi`` and are imported when first asked for: who asks for the champion trains
nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.assets.training", __file__)

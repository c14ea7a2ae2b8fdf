"""What learns a DeepID's weights: examples as tensors, augmentation, the epochs, which words are read.

The public names stand in ``__init__.pyi`` and are imported when first asked for: torch takes seconds to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml.deepid.training", __file__)

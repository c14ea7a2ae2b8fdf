"""The DeepID classifier, eq. (25)-(27): network, training, the trained model, when it abstains.

The public names stand in ``__init__.pyi`` and are imported when first asked for: torch takes seconds to import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml.deepid", __file__)

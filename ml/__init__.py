"""What every model room shares: the vocabulary, the word norms, the bootstrap, configuration that needs no torch.

The public names stand in ``__init__.pyi`` and are imported when first asked for: SciPy, which the
shift of answers is tested with, takes a second.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("apexline.ml", __file__)

"""The loader module that models registered before version 0.2 name: MLflow imports it by this name to load them.

Everything else lies in the package ``apexline``. This folder has no ``__init__.py``, so that it takes the name
``assets`` from nobody; it goes when no registry holds such a model any more.
"""

from apexline.assets.serving import _load_pyfunc as _load_pyfunc

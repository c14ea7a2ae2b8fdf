"""The folders of the repository's root under one import name: each entry beside this file is a link to one of them."""

import os

# Arrow reads it when it is first imported. Its own allocator keeps tens of MiB that others could use.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

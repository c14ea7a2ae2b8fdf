"""Group `semantics`: `rating_surveys`, `pad_space`."""

from apexline.assets.semantics.pad_space import (
    load_space,
    rated_pad,
    read_record,
    space_figures,
    usable_ratings,
    write_record,
)
from apexline.assets.semantics.rating_surveys import (
    PAGE_PREFIX,
    import_csv,
    import_scale_table,
    load_form,
    survey_files,
)

__all__ = [
    "PAGE_PREFIX",
    "import_csv",
    "import_scale_table",
    "load_form",
    "load_space",
    "rated_pad",
    "read_record",
    "space_figures",
    "survey_files",
    "usable_ratings",
    "write_record",
]

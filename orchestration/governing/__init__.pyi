from .evidence import unresolved as unresolved
from .evidence import write_evidence as write_evidence
from .export import export_track as export_track
from .purging import NotGoneError as NotGoneError
from .purging import purge as purge

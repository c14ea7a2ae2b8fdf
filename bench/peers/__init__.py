"""Scripts run by the peers' own programs (``.venv-fer``, ``.venv-facex``, ``.npm-face-api``)."""

from apexline.bench.peers.environment import FER_PYTHON, PEERS, VIDEO_PEERS, Peer

__all__ = ["FER_PYTHON", "PEERS", "VIDEO_PEERS", "Peer"]

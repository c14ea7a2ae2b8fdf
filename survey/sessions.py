"""Who is at the rating page: sessions that cannot be guessed, return keys, and how often one may begin.

Belongs here: secrets and their life times. Stays out: cookies and pages (``survey.app``), what raters answer
(``survey.answers``).

Sessions live in memory, by the hash of their token, and end with the server. What lasts is a rater's return key, of
which only the hash is stored: whoever reads the home can take over nobody's session.
"""

import base64
import hashlib
import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

IDLE_S = 2 * 3600.0
LONGEST_S = 12 * 3600.0
MAX_SESSIONS = 1000
# A start may write a record of 3 kB: this bounds what strangers can fill the disk with, and how fast keys are tried.
MAX_STARTS_PER_MINUTE = 600
_KEY_BYTES = 10  # 80 bits: 16 letters and digits of base32


@dataclass
class Session:
    """One browser of one rater.

    Attributes
    ----------
    rater : str
        The rater's code.
    return_key : str
        By which the rater can come back.
    form_token : str
        What every form of this session carries: a page elsewhere does not know it.
    begun_s, seen_s : float
        When it began and was last used, s on the clock of `time.monotonic`.
    opened_s : float
        When the page at hand was opened, on the same clock.
    """

    rater: str
    return_key: str
    form_token: str
    begun_s: float
    seen_s: float
    opened_s: float = field(default_factory=monotonic)

    def accepts(self, form_token: object) -> bool:
        """Say whether a form is of this session."""
        return isinstance(form_token, str) and hmac.compare_digest(
            form_token.encode(errors="replace"), self.form_token.encode()
        )


class Sessions:
    """All sessions of a server: at most `MAX_SESSIONS`; one more ends the one that rested longest."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()

    def begin(self, rater: str, return_key: str) -> str:
        """Begin a session and return its token, which is told to nobody but the browser."""
        token = secrets.token_urlsafe(32)
        now = monotonic()
        with self._lock:
            self._drop_expired(now)
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda each: self._sessions[each].seen_s)]
            self._sessions[_hashed(token)] = Session(rater, return_key, secrets.token_urlsafe(32), now, now)
        return token

    def find(self, token: str) -> Session | None:
        """Return the living session of a token, and take note that it is used."""
        name, now = _hashed(token), monotonic()
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                return None
            if _is_over(session, now):
                del self._sessions[name]
                return None
            session.seen_s = now
            return session

    def end(self, token: str) -> None:
        """End the session of a token, if there is one."""
        with self._lock:
            self._sessions.pop(_hashed(token), None)

    def end_all(self, rater: str) -> None:
        """End all sessions of a rater, in whichever browser."""
        with self._lock:
            for name in [name for name, each in self._sessions.items() if each.rater == rater]:
                del self._sessions[name]

    def _drop_expired(self, now: float) -> None:
        for name, each in list(self._sessions.items()):
            if _is_over(each, now):
                del self._sessions[name]


class Starts:
    """Counts who begins, over all clients: behind a proxy they have one address."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MAX_STARTS_PER_MINUTE)
        self._lock = Lock()

    def allow(self) -> bool:
        """Say whether one more may begin now, and count it if so."""
        now = monotonic()
        with self._lock:
            if len(self._times) == MAX_STARTS_PER_MINUTE and now - self._times[0] < 60:
                return False
            self._times.append(now)
            return True


def _is_over(session: Session, now: float) -> bool:
    return now - session.seen_s > IDLE_S or now - session.begun_s > LONGEST_S


def new_return_key() -> str:
    """Return a key that can be written down: four groups of four letters and digits."""
    text = base64.b32encode(secrets.token_bytes(_KEY_BYTES)).decode()
    return "-".join(text[k : k + 4] for k in range(0, len(text), 4))


def hash_return_key(key: str) -> str:
    """Return what is stored of a key, however it was typed: SHA-256 in hex."""
    return _hashed("".join(character for character in key.upper() if character.isalnum()))


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()

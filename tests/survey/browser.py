"""A browser at the rating page, and a store in memory."""

import re
import warnings
from contextlib import nullcontext

import numpy as np

from apexline.survey.app import create_app
from apexline.survey.contracts import Scale
from apexline.survey.loops import encode_loop

with warnings.catch_warnings():
    # Starlette's test client announces that it will want httpx2 one day.
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient


SEGMENTS = ["aa-20", "aa-90", "b/b 5"]
PAIRS = [Scale("angry_calm", "angry", "calm"), Scale("happy_sad", "happy", "sad")]


class Stimuli:
    def __init__(self, segments):
        self.names = list(segments)
        self.image = encode_loop(np.zeros((2, 8, 8), np.uint8), 25)

    def segments(self):
        return self.names

    def loop(self, segment):
        return self.image


class Store:
    """Consent and answers in memory, and the order in which they came."""

    is_near = True

    def __init__(self):
        self.consents, self.given, self.log = {}, {}, []
        self.erasing = False
        self.plan, self.notes = [], []

    def writing(self):
        if self.erasing:
            msg = "an erasure is at work"
            raise BlockingIOError(msg)
        return nullcontext()

    def consent(self, rater):
        return self.consents.get(rater)

    def keep_consent(self, consent):
        self.log.append(("consent", consent.rater))
        self.consents[consent.rater] = consent

    def blocks(self):
        return self.plan

    def taken_blocks(self):
        return [each.block for each in self.consents.values() if each.block is not None]

    def note(self, rater, page):
        self.notes.append({"rater": rater, **page})

    def rated(self, rater):
        return [row["segment"] for row in self.given.get(rater, [])]

    def save(self, rows):
        self.log.append(("answers", rows[0]["rater"]))
        self.given.setdefault(rows[0]["rater"], []).extend(rows)

    def answers(self, rater, segment):
        return {row["pair"]: row["level"] for row in self.given.get(rater, []) if row["segment"] == segment}

    def replace(self, rater, segment, rows):
        self.log.append(("answers", rater))
        others = [row for row in self.given.get(rater, []) if row["segment"] != segment]
        self.given[rater] = [*others, *rows]

    def forget(self, rater):
        self.given.pop(rater, None)
        self.consents.pop(rater, None)

    @property
    def rows(self):
        return [row for rows in self.given.values() for row in rows]


class Page:
    """A browser at the survey, and what was stored."""

    def __init__(self, segments=SEGMENTS, store=None, like=None, base_url="http://testserver", contact=""):
        self.store = like.store if like else store or Store()
        self.stimuli = like.stimuli if like else Stimuli(segments)
        self.app = (
            like.app
            if like
            else create_app(stimuli=self.stimuli, pairs=PAIRS, store=self.store, contact=contact)
        )
        self.client = TestClient(self.app, raise_server_exceptions=False, base_url=base_url)

    def start(self, rater="otter-7", **fields):
        data = {"rater": rater, "consent": "yes", **fields}
        return self.client.post("/start", data=data, follow_redirects=False)

    def begin(self, rater="otter-7", **fields):
        assert self.start(rater, **fields).status_code == 303
        return self.client.get("/next")

    @property
    def token(self):
        return re.search(r'name="form_token" value="([^"]+)"', self.client.get("/withdraw").text).group(1)

    @property
    def return_key(self):
        return re.search(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", self.client.get("/key").text).group()

    def send(self, segment, answers):
        return self.post(f"/segments/{segment}", answers)

    def post(self, path, fields=()):
        data = {**dict(fields), "form_token": self.token}
        return self.client.post(path, data=data, follow_redirects=False)

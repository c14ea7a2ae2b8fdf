"""Sessions end by rest, by age and by number; keys are as good as they are long."""

import pytest

from apexline.survey import sessions
from apexline.survey.sessions import (
    IDLE_S,
    LONGEST_S,
    MAX_SESSIONS,
    Sessions,
    hash_return_key,
    new_return_key,
)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands: ``clock[0]``, s."""
    now = [100.0]
    monkeypatch.setattr(sessions, "monotonic", lambda: now[0])
    return now


def test_a_session_is_found_by_its_token_alone(clock):
    found = Sessions()
    first, second = found.begin("otter", "K"), found.begin("otter", "K")
    assert first != second
    assert len(first) == 43
    assert (found.find(first).rater, found.find(first).return_key) == ("otter", "K")
    assert found.find(first).form_token != found.find(second).form_token
    for guess in ("", "otter", "K", first[:-1], first + "A", found.find(first).form_token, "\ud800"):
        assert found.find(guess) is None
    assert first not in repr(vars(found))


def test_a_session_rests_only_so_long(clock):
    found = Sessions()
    token = found.begin("otter", "K")
    for _ in range(3):
        clock[0] += IDLE_S
        assert found.find(token)
    clock[0] += IDLE_S + 1
    assert found.find(token) is None


def test_a_session_lives_only_so_long(clock):
    found = Sessions()
    token = found.begin("otter", "K")
    while clock[0] + IDLE_S / 2 <= 100 + LONGEST_S:
        clock[0] += IDLE_S / 2
        assert found.find(token)
    clock[0] += IDLE_S / 2
    assert found.find(token) is None


def test_the_longest_at_rest_gives_way(clock):
    found = Sessions()
    tokens = []
    for k in range(MAX_SESSIONS):
        clock[0] += 0.01
        tokens.append(found.begin(f"r{k}", "K"))
    clock[0] += 1
    assert found.find(tokens[0])  # used just now
    found.begin("one more", "K")
    assert found.find(tokens[1]) is None
    assert found.find(tokens[0])
    assert found.find(tokens[2])


def test_sessions_are_ended(clock):
    found = Sessions()
    tokens = [found.begin(rater, "K") for rater in ("a", "a", "a", "b")]
    found.end(tokens[0])
    found.end("unknown")
    assert [bool(found.find(token)) for token in tokens] == [False, True, True, True]
    found.end_all("a")
    assert [bool(found.find(token)) for token in tokens] == [False, False, False, True]


def test_a_form_token_is_compared_whole(clock):
    found = Sessions()
    session = found.find(found.begin("otter", "K"))
    assert session.accepts(session.form_token)
    for other in (session.form_token[:-1], "", None, 7, "ä", "\ud800"):
        assert not session.accepts(other)


def test_keys_differ_and_are_read_however_they_are_typed():
    keys = [new_return_key() for _ in range(100)]
    assert len(set(keys)) == 100
    assert {len(key) for key in keys} == {19}
    assert hash_return_key(keys[0]) == hash_return_key(f" {keys[0].lower().replace('-', ' ')}\n")
    assert hash_return_key(keys[0]) != hash_return_key(keys[1])

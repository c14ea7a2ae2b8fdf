"""How a survey is laid out for each rater: parts of a plan, sides of poles, checks of attention, a clip once more."""

import re

import pytest

from apexline.survey.contracts import Scale
from tests.survey.browser import Page

NAMES = [f"s{k}" for k in range(12)]


@pytest.fixture
def page():
    return Page(NAMES)


def rate_all(page, **given):
    """Answer page after page; returns the segments in their order, and what each page said."""
    response = page.client.get("/next")
    seen = []
    while "/segments/" in str(response.url):
        seen.append((response.url.path.rpartition("/")[2], response.text))
        address = response.url.path + (f"?{response.url.query.decode()}" if response.url.query else "")
        sent = {"angry_calm": "1", "happy_sad": "5", "form_token": page.token, **given}
        response = page.client.post(address, data=sent)
    return seen


def test_a_rater_is_shown_a_part_of_the_plan_and_the_next_one_another(page):
    page.store.plan = [NAMES[:3], NAMES[3:6], ["gone", *NAMES[6:8]]]
    parts = []
    for rater in ("a", "b", "c", "d"):
        page.begin(rater)
        parts.append(sorted({name for name, _ in rate_all(page)}))
    assert parts == [NAMES[:3], NAMES[3:6], NAMES[6:8], NAMES[:3]]
    assert "finished all 3 clips" in page.client.get("/thanks").text
    page.begin("e")
    assert page.store.consents["e"].block == 1


def test_who_withdraws_makes_room_in_the_plan(page):
    page.store.plan = [NAMES[:3], NAMES[3:6]]
    page.begin("a")
    page.post("/withdraw")
    page.begin("b")
    assert page.store.consents["b"].block == 0


def test_poles_stand_on_sides_that_are_drawn_and_kept(page):
    turned = []
    for rater in ("a", "b", "c", "d", "e", "f"):
        text = page.begin(rater).text
        sides = re.findall(r'class="(first|second)" aria-hidden="true">(\w+)<', text)
        left = {word for side, word in sides if side == "first"}
        values = re.findall(r'name="angry_calm" value="([1-5])"', text)
        is_turned = "angry_calm" in page.store.consents[rater].turned
        assert ("calm" in left) == is_turned
        assert values == (list("54321") if is_turned else list("12345"))
        turned.append(is_turned)
    assert set(turned) == {True, False}


def test_the_words_of_a_level_do_not_depend_on_the_side():
    scale, turned = Scale("angry_calm", "angry", "calm"), Scale("angry_calm", "angry", "calm", turned=True)
    assert dict(scale.levels) == dict(turned.levels)
    assert dict(scale.levels)["1"] == "strongly angry"
    assert [word for word, _ in turned.sides] == ["calm", "angry"]


def test_some_pages_check_attention_and_the_check_is_no_rating(page):
    page.begin("a")
    seen = rate_all(page, attention="3")
    wanted = {
        name: re.search(r"choose number (\d) from the left", text).group(1)
        for name, text in seen
        if "choose number" in text
    }
    assert 0 < len(wanted) < len(seen)
    noted = {each["segment"]: each["attentive"] for each in page.store.notes if "attentive" in each}
    assert noted == {name: level == "3" for name, level in wanted.items()}
    assert {row["pair"] for row in page.store.rows} == {"angry_calm", "happy_sad"}


def test_one_clip_comes_again_and_changes_no_rating(page):
    page.begin("a")
    seen = [name for name, _ in rate_all(page)]
    assert len(seen) == 13
    assert sorted(seen[:-1]) == sorted(NAMES)
    [again] = [each for each in page.store.notes if each["kind"] == "again"]
    assert (again["segment"], again["again"]) == (seen[-1], {"angry_calm": 1, "happy_sad": 5})
    assert len(page.store.rows) == 24
    assert page.client.get("/next").url.path == "/thanks"


def test_how_long_a_page_took_is_noted(page):
    page.begin("a")
    rate_all(page)
    assert all(0 <= each["seconds"] < 60 for each in page.store.notes)
    assert {each["kind"] for each in page.store.notes} == {"rated", "again"}


def test_the_loop_can_be_stopped(page):
    text = page.begin("a").text
    assert 'for="pause"' in text
    still = re.search(r'src="([^"]+)" class="still"', text).group(1)
    image = page.client.get(still)
    assert image.headers["content-type"] == "image/webp"
    assert b"ANIM" not in image.content

"""Consent comes first, a code is one rater's, each answer counts once, and what is withdrawn is gone."""

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.survey.browser import SEGMENTS, Page, Store


def test_answers_are_saved_as_tidy_rows_and_skipped_pairs_are_not(page):
    page.begin()
    response = page.send("aa-20", {"angry_calm": "4", "happy_sad": ""})
    assert response.status_code == 303
    assert page.store.rows == [{"rater": "otter-7", "segment": "aa-20", "pair": "angry_calm", "level": 4}]


def test_a_rater_goes_through_all_segments_once_and_is_thanked(page):
    response = page.begin()
    seen = []
    while "/segments/" in str(response.url):
        seen.append(response.url.path.removeprefix("/segments/"))
        response = page.client.post(
            response.url, data={"angry_calm": "1", "happy_sad": "5", "form_token": page.token}
        )
    assert sorted(seen) == sorted(SEGMENTS)
    assert response.url.path == "/thanks"
    assert "finished all 3 clips" in response.text
    assert len(page.store.rows) == 6


def test_a_finished_segment_is_neither_shown_nor_saved_again(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.send("aa-20", {"angry_calm": "1"})
    assert [row["level"] for row in page.store.rows] == [4]
    response = page.client.get("/segments/aa-20", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/next")


def test_a_segment_left_wholly_unanswered_is_finished_without_a_row(page):
    page.begin()
    asked = page.send("aa-20", {"angry_calm": "", "happy_sad": ""})
    assert (asked.status_code, "You answered no pair" in asked.text) == (200, True)
    assert "0 of 3 clips" in page.client.get("/thanks").text
    assert 'name="nothing" value="yes"' in asked.text
    assert page.send("aa-20", {"nothing": "yes"}).status_code == 303
    assert page.store.rows == []
    assert "1 of 3 clips" in page.client.get("/thanks").text


def test_raters_do_not_share_what_is_done(page):
    page.begin("first")
    page.send("aa-20", {"angry_calm": "4"})
    page.begin("second")
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 200


def test_segments_rated_before_a_restart_are_not_asked_again():
    before = Page()
    before.begin()
    before.send("aa-20", {"angry_calm": "4"})
    before.store.given["otter-7"].append({"segment": "gone"})
    page = Page(store=before.store)
    text = page.begin(return_key=before.return_key).text
    assert "Clip 2 of 3" in text
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 303


def test_raters_get_orders_of_their_own_that_stay():
    def orders():
        return [Page([f"s{i}" for i in range(20)]).begin(f"rater-{i}").url.path for i in range(8)]

    first = orders()
    assert len(set(first)) > 3
    assert orders() == first


def test_new_segments_appear_while_the_page_runs(page):
    page.begin()
    page.stimuli.names = ["new-1"]
    assert page.client.get("/next").url.path == "/segments/new-1"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"angry_calm": "6"}, "expected 1 to 5"),
        ({"angry_calm": "0"}, "expected 1 to 5"),
        ({"angry_calm": "2.5"}, "expected 1 to 5"),
        ({"hot_cold": "1"}, "hot_cold is not an adjective pair"),
        ({"angry_calm": ["1", "2"]}, "two answers"),
    ],
)
def test_a_bad_answer_is_refused_and_nothing_of_its_page_is_saved(page, answers, reason):
    page.begin()
    response = page.send("aa-20", {"happy_sad": "1", **answers})
    assert response.status_code == 422
    assert reason in response.text
    assert page.store.rows == []
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("code", ["a b", "x" * 33, "<b>", "ä"])
def test_a_bad_code_is_refused(page, code):
    assert page.start(code).status_code == 422
    assert page.store.log == []


def test_another_browser_needs_the_return_key(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    other = Page(like=page)
    refused = other.start()
    assert refused.status_code == 409
    assert "in use" in refused.text
    for key in ("AAAA-BBBB-CCCC-DDDD", "x", page.return_key[:-1]):
        assert other.start(return_key=key).status_code == 403
    assert other.start("nobody", return_key=page.return_key).status_code == 403
    assert not other.client.cookies
    assert (
        other.start(return_key=f" {page.return_key.lower().replace('-', ' ')} ").headers["location"]
        == "/next"
    )
    assert "1 of 3 clips" in other.client.get("/thanks").text
    assert "1 of 3 clips" in page.client.get("/thanks").text


def test_answers_without_a_stored_consent_are_nobodys_to_continue():
    store = Store()
    store.given["otter-7"] = [{"segment": "aa-20"}]
    page = Page(store=store)
    assert page.start().status_code == 409
    assert page.start(return_key="AAAA-BBBB-CCCC-DDDD").status_code == 403


def test_one_of_two_browsers_gets_a_code(page):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Page(like=page).start().status_code, range(8)))
    assert sorted(found) == [303] + 7 * [409]
    assert page.store.log == [("consent", "otter-7")]


def test_consent_is_stored_before_any_answer(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    assert page.store.log == [("consent", "otter-7"), ("answers", "otter-7")]
    consent = page.store.consents["otter-7"]
    [given] = consent.given
    assert datetime.now(UTC) - datetime.fromisoformat(given.at) < timedelta(minutes=5)
    assert given.text_sha256 == hashlib.sha256(given.text.encode()).hexdigest()
    assert given.text in page.client.get("/").text
    assert "voluntary" in given.text
    assert page.return_key not in str(consent)


def test_another_text_is_agreed_to_anew(page):
    page.begin()
    consent = page.store.consents["otter-7"]
    older = dataclasses.replace(consent.given[0], text_sha256="0", text="older")
    page.store.consents["otter-7"] = dataclasses.replace(consent, given=(older,))
    for _ in range(2):
        Page(like=page).begin(return_key=page.return_key)
        assert page.store.consents["otter-7"].given[0] == older
        assert len(page.store.consents["otter-7"].given) == 2


def test_a_consent_that_cannot_be_stored_begins_nothing():
    class Full(Store):
        def keep_consent(self, consent):
            raise OSError(28, "disk full")

    page = Page(store=Full())
    assert page.start().status_code == 500
    assert not page.client.cookies


def test_a_rater_withdraws_and_nothing_is_left(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.send("aa-90", {"angry_calm": ""})
    key, other = page.return_key, Page(like=page)
    other.begin(return_key=key)
    token = other.token
    assert "cannot be brought back" in page.client.get("/withdraw").text
    response = page.post("/withdraw")
    assert "Your answers are erased" in response.text
    assert (page.store.consents, page.store.given) == ({}, {})
    assert not page.client.cookies
    # The other browser's session ended, too, and a page on its way is not taken.
    answers = {"angry_calm": "1", "form_token": token}
    assert other.client.post("/segments/aa-20", data=answers).status_code == 403
    assert Page(like=page).start(return_key=key).status_code == 403
    assert "Clip 1 of 3" in page.begin().text
    assert page.return_key != key


def test_what_was_erased_elsewhere_takes_no_more_answers(page):
    page.begin()
    page.store.forget("otter-7")
    assert page.send("aa-20", {"angry_calm": "1"}).status_code == 403
    Page(like=page).begin()  # somebody else takes the code
    refused = page.send("aa-20", {"angry_calm": "1"})
    assert refused.status_code == 403
    assert "only with consent" in refused.text
    assert page.store.rows == []


def test_what_could_not_be_saved_can_be_sent_again():
    class Broken(Store):
        def save(self, rows):
            self.log.append(("tried", rows[0]["rater"]))
            if len(self.log) == 2:
                message = "disk full"
                raise OSError(message)
            super().save(rows)

    page = Page(store=Broken())
    page.begin()
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 500
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 303
    assert len(page.store.rows) == 1


def test_nothing_is_stored_while_the_store_is_being_erased_from(page):
    page.begin()
    token = page.token
    page.store.erasing = True
    send = [("/segments/aa-20", {"angry_calm": "2"}), ("/withdraw", {})]
    for path, fields in send:
        refused = page.client.post(path, data={**fields, "form_token": token})
        assert refused.status_code == 503
        assert "send it again in a minute" in refused.text
    assert Page(like=page).start("heron").status_code == 503
    assert page.store.log == [("consent", "otter-7")]
    page.store.erasing = False
    page.send("aa-20", {"angry_calm": "2"})
    assert [row["level"] for row in page.store.rows] == [2]


def test_a_rater_goes_back_and_corrects_the_answer_of_the_clip_before(page):
    first = page.begin()
    assert "Back to the clip before" not in first.text
    page.send("aa-20", {"angry_calm": "4", "happy_sad": "2"})
    asked = page.client.get("/next").text
    assert '<a href="/segments/aa-20?correct=true">Back to the clip before</a>' in asked
    text = page.client.get("/segments/aa-20?correct=true").text
    assert 'name="angry_calm" value="4" checked' in text
    assert 'name="angry_calm" value="" checked' not in text
    assert "A clip that you rated; 1 of 3 done" in text
    assert page.send("aa-20?correct=true", {"angry_calm": "1", "happy_sad": ""}).status_code == 303
    assert page.store.rows == [{"rater": "otter-7", "segment": "aa-20", "pair": "angry_calm", "level": 1}]
    assert "1 of 3 clips" in page.client.get("/thanks").text


def test_a_correction_to_nothing_asks_and_then_empties_the_page(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    asked = page.send("aa-20?correct=true", {"angry_calm": ""})
    assert 'action="/segments/aa-20?correct=true"' in asked.text
    assert page.store.rows != []
    page.send("aa-20?correct=true", {"nothing": "yes"})
    assert page.store.rows == []
    assert page.client.get("/segments/aa-20", follow_redirects=False).headers["location"] == "/next"


def test_a_correction_needs_the_consent_that_stands(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.store.consents.clear()
    assert page.send("aa-20?correct=true", {"angry_calm": "1"}).status_code == 403
    assert [row["level"] for row in page.store.rows] == [4]

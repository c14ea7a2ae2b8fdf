"""Words and glosses in the rater's language; an answer stays an answer to its pair."""

import re

import pytest

from apexline.ml.norms import load_pairs
from apexline.survey.contracts import Scale
from apexline.survey.words import LANGUAGES, in_language
from tests.survey.browser import Page

SCALES = [Scale(each.pair, each.first.adjective, each.second.adjective) for each in load_pairs()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_survey_has_a_word_and_a_gloss_of_its_own(language):
    scales = in_language(SCALES, language)
    words = [word for each in scales for word in (each.first, each.second)]
    glosses = [gloss for each in scales for gloss in each.glosses]
    assert len(set(words)) == len(set(glosses)) == len(words) == 100
    assert all(glosses)
    is_chinese = [bool(re.search("[\u4e00-\u9fff]", text)) for text in (*words, *glosses)]
    assert is_chinese == [language == "zh"] * 200
    assert [each.pair for each in scales] == [each.pair for each in SCALES]


def test_a_word_that_is_not_listed_stays_without_a_gloss():
    (scale,) = in_language([Scale("hot_cold", "hot", "cool")], "zh")
    assert (scale.sides, scale.question) == ((("hot", ""), ("cool", "")), "hot，还是cool")


def test_a_rater_reads_the_words_of_the_language_that_was_chosen():
    page = Page()
    text = page.begin(language="zh").text
    assert '愤怒<small lang="zh">觉得受了冒犯而生气</small>' in text
    assert 'lang="zh"><input type="radio" name="angry_calm"' in text
    assert "非常愤怒" in text
    assert "strongly" not in text
    page.send("aa-20", {"angry_calm": "2"})
    assert [(row["pair"], row["level"]) for row in page.store.rows] == [("angry_calm", 2)]
    assert page.store.consents["otter-7"].language == "zh"
    key = page.return_key
    page.begin(return_key=key, language="en")
    assert "strongly angry" in page.client.get("/segments/aa-90").text
    assert page.store.consents["otter-7"].language == "en"
    assert len(page.store.consents["otter-7"].given) == 1


def test_another_language_is_refused():
    page = Page()
    response = page.start(language="fr")
    assert (response.status_code, "expected one of en, zh" in response.text) == (422, True)
    assert page.store.log == []

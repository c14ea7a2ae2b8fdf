"""What an address asks for, and what it leads to."""

from datetime import time

import pytest

from apexline.review.filters import Filters, span_of
from tests.review.archive import START, segment

ROWS = [segment(0, "happy"), segment(5, "abstained"), segment(10, "other", length_s=100)]


def test_an_address_is_read_and_written_again():
    query = [("answer", "happy"), ("answer", "abstained"), ("version", "2"), ("from", "08:00:04")]
    view = Filters.read([*query, ("to", ""), ("page", "3")])
    assert view == Filters(("happy", "abstained"), 2, "", time(8, 0, 4), None, 3)
    assert view.address() == "answer=happy&answer=abstained&version=2&from=08%3A00%3A04"
    assert view.address(page=2, since=None).endswith("version=2&page=2")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("answer", "sad", "expected some of happy"),
        ("version", "0", "expected a number from 1"),
        ("version", "٣", "expected a number from 1"),
        ("from", "8 o'clock", "expected a time of the day"),
    ],
)
def test_what_can_not_be_meant_is_refused(name, value, expected):
    with pytest.raises(ValueError, match=expected):
        Filters.read([(name, value)])


@pytest.mark.parametrize(
    ("view", "kept"),
    [
        (Filters(), 3),
        (Filters(answers=("abstained", "other")), 2),
        (Filters(since=time(8, 0, 5, 500_000)), 2),  # the second ends half a second later
        (Filters(until=time(8, 0, 9)), 2),
        (Filters(since=time(8, 0, 30), until=time(8, 0, 40)), 1),  # within the long one
        (Filters(answers=("happy",), since=time(9)), 0),
    ],
)
def test_rows_are_chosen_by_answer_and_time(view, kept):
    assert len(view.in_part(view.chosen(ROWS))) == kept


def test_a_day_spans_from_the_first_onset_to_the_last_end():
    first, last = span_of(ROWS)
    assert (first - START).total_seconds() == 0
    assert (last - START).total_seconds() == 110

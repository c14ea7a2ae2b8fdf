"""A browser at a survey of three segments."""

import pytest

from tests.survey.browser import Page


@pytest.fixture
def page() -> Page:
    return Page()

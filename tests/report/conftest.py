"""A store of made-up digits, and its page."""

import pytest

from neuralviews.fit.reproduce import open_store_source
from neuralviews.report.page import draw_page
from neuralviews.store.reader import Store

from ..made_stores import make_store
from .html_pages import Page


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """40 objects, three views each, two of which diverged; tests must not change it."""
    return make_store(tmp_path_factory.mktemp("page") / "store", diverged=(4, 17))


@pytest.fixture(scope="session")
def page(store: Store) -> Page:
    """As it is drawn beside its source."""
    return Page(draw_page(store, open_store_source(store, None)))

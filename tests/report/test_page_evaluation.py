"""The page of a store with an evaluation of it."""

from pathlib import Path

import pytest

from neuralviews.errors import FormatError, IntegrityError
from neuralviews.report.page import draw_page
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from .evaluations import made_evaluation
from .html_pages import Page, require_sound


class TestEvaluation:
    def test_table_pictures_and_command(self, store: Store) -> None:
        page = Page(draw_page(store, evaluation=made_evaluation(store)))
        require_sound(page)
        found = page.table("Accuracy")
        assert found.column("test %") == ["61.0 ± 1.4", "71.0 ± 1.4"] * 2
        assert found.column("records/s") == ["3,000"] * 4
        assert "neuralviews evaluate STORE --reader mlp,dws" in page.text
        assert [image["alt"] for image in page.all("img")][-1].startswith("Test accuracy over views")

    def test_many_conditions(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("neuralviews.report.page_evaluation._MOST_ROWS", 3)
        found = Page(draw_page(store, evaluation=made_evaluation(store))).table("Accuracy")
        assert "the first 3 of 4 conditions, results.json has all" in found.caption
        assert len(found.lines) == 1 + 3

    def test_none(self, store: Store) -> None:
        nothing = made_evaluation(store, rows=[], runs=[])
        assert "The evaluation has no results." in draw_page(store, evaluation=nothing)

    def test_of_another_store(self, store: Store, tmp_path: Path) -> None:
        other = make_imported(tmp_path / "other")
        message = (
            f"evaluation: found one of dataset {other.dataset_id}, expected {store.dataset_id}, that of "
            f"{store.root}; give the folder of an evaluation of this store"
        )
        with pytest.raises(IntegrityError, match=message):
            draw_page(store, evaluation=made_evaluation(other))

    def test_settings_that_no_evaluation_writes(self, store: Store) -> None:
        with pytest.raises(FormatError, match=r"results.json: KeyError: 'task'; evaluate again"):
            draw_page(store, evaluation=made_evaluation(store, settings={}))

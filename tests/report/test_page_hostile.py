"""Hostile texts stay texts on the page, and the browser is told to run nothing."""

from pathlib import Path

import pytest

from neuralviews.report.page import draw_page
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from .evaluations import made_evaluation
from .html_pages import Page, require_sound

HOSTILE = "</td><script>alert(1)</script>\"'><img src=x onerror=a>"


class TestHostileTexts:
    def test_class_names(self, tmp_path: Path) -> None:
        names = [HOSTILE, "&lt;b&gt;", "\u202eevil", *"abcdefg"]
        page = Page(draw_page(make_imported(tmp_path / "s", class_names=names, image_shape=(8, 8))))
        require_sound(page)
        classes = page.table("Records of each class").column("class")
        assert {HOSTILE, "&lt;b&gt;", "\\u202eevil"} <= set(classes)
        assert page.text.count(HOSTILE) >= 3  # the head, the gallery, and the table

    def test_names_of_files(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        source = {**store.job["source"], "files": {HOSTILE: "0" * 64}, "left_out": {HOSTILE: HOSTILE}}
        hostile = {**store.job, "source": source}
        monkeypatch.setattr(Store, "job", property(lambda self: hostile))
        page = Page(draw_page(store))
        require_sound(page)
        assert page.table("Source files").column("file") == [HOSTILE]
        assert page.table("Left out").lines[1] == [HOSTILE, HOSTILE]

    def test_evaluations(self, store: Store) -> None:
        hostile = made_evaluation(store, [HOSTILE, "mlp"], command=HOSTILE, versions={HOSTILE: HOSTILE})
        page = Page(draw_page(store, evaluation=hostile))
        require_sound(page)
        assert page.text.count(HOSTILE) >= 4

    def test_the_browser_is_told_to_load_and_run_nothing(self, page: Page) -> None:
        (policy,) = [m["content"] for m in page.all("meta") if "http-equiv" in m]
        assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        assert "url(" not in page.text
        assert "@import" not in page.text

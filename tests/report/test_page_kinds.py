"""Every kind of store has a page."""

from pathlib import Path

import pytest

from neuralviews.field import FieldSpec
from neuralviews.records import Split
from neuralviews.report import page_gallery, page_quality
from neuralviews.report.page import draw_page
from neuralviews.store.reader import Store, open_store

from ..exchange.imported_stores import make_imported
from .balls import ball_recipe, ball_source, ball_store
from .copies import augmented
from .html_pages import Page, require_sound

GENERATED = Path(__file__).parents[1] / "golden" / "v1_generated"


@pytest.fixture(scope="module")
def copies(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return augmented(store, tmp_path_factory.mktemp("page") / "copies")


class TestKinds:
    def test_copies_beside_their_parents(self, copies: Store, store: Store) -> None:
        page = Page(draw_page(copies, parent=store))
        require_sound(page)
        assert "should render" in page.text
        assert page.table("The stores that the records descend from").lines[1][2] == store.dataset_id
        assert "[[pipelines]]" in page.text
        assert "neuralviews augment STORE --plan plan.toml" in page.text
        rejected = copies.manifest.summary.status["diverged"]
        assert f"rejected {rejected:,}" in page.text

    def test_copies_alone(self, copies: Store) -> None:
        page = Page(draw_page(copies))
        require_sound(page)
        assert "no parent store was given, on 8 × 8 pixels" in page.text

    @pytest.mark.parametrize("target", ["sdf", "udf"])
    def test_shapes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
        monkeypatch.setattr(page_gallery, "OBJECTS", 1)
        monkeypatch.setattr(page_quality, "WORST", 1)
        shapes = ball_store(tmp_path / "store", ball_recipe(target=target, unreliable="mark"))
        page = Page(draw_page(shapes, ball_source() if target == "sdf" else None))
        require_sound(page)
        order = "lowest IoU" if target == "sdf" else "highest surface error"
        worst = page.table(f"1 record of the {order}")
        assert ("source" in worst.lines[0]) == (target == "sdf")
        assert any((image["alt"] or "").endswith("Chamfer 0.0007") for image in page.all("img")) == (
            target == "sdf"
        )

    def test_imported_fields(self, tmp_path: Path) -> None:
        page = Page(draw_page(make_imported(tmp_path / "store", views=2, image_shape=(8, 8))))
        require_sound(page)
        assert "No PSNR is known of any record." in page.text
        assert "cannot be made again from here" in page.text

    def test_fields_that_cannot_be_drawn(self, tmp_path: Path) -> None:
        page = Page(draw_page(make_imported(tmp_path / "store", FieldSpec([1, 4, 1]), label=[-1] * 12)))
        require_sound(page)
        assert "Not drawn: pictures: found fields from 1 coordinates" in page.text
        assert "No record has a label." in page.text

    @pytest.mark.parametrize(
        ("split", "diverged", "text"),
        [
            (Split.test, (), "The training split has no records"),
            (Split.train, (0, 1), "No record of the training split is usable"),
        ],
    )
    def test_nothing_to_measure(
        self, tmp_path: Path, split: Split, diverged: tuple[int, ...], text: str
    ) -> None:
        few = make_imported(
            tmp_path / "store", objects=(0, 1), split=[split] * 2, diverged=diverged, image_shape=(8, 8)
        )
        page = Page(draw_page(few))
        require_sound(page)
        assert text in page.text
        assert "fewer than two usable records" in page.text

    def test_an_earlier_version(self) -> None:
        require_sound(Page(draw_page(open_store(GENERATED))))

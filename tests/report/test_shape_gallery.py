"""The gallery of shapes: surfaces beside their meshes, and what is said of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError
from neuralviews.fit.surface import field_mesh, shape_values
from neuralviews.mesh.mesh import Mesh
from neuralviews.records import ShapeTarget, Status
from neuralviews.report import shape_painter
from neuralviews.report.copies import make_strips
from neuralviews.report.gallery import draw_gallery, gallery
from neuralviews.report.painter import painter_of
from neuralviews.report.panels import Panel, make_panels
from neuralviews.report.shade import CUBE_EXTENT, extent_of, shade
from neuralviews.report.sheet import ALARM
from neuralviews.report.strip import draw_copy_gallery
from neuralviews.signals.shapes import ShapeSource
from neuralviews.store.reader import Store

from .balls import RADII, SOURCE_RADIUS, ball_recipe, ball_source, ball_store
from .copies import augmented
from .pages import require_readable

RESOLUTION, SIZE = 24, 64
DOUBTFUL = 3
"""The object of made stores whose signs are unreliable, and which is fitted without them."""

TURNED: dict[str, Any] = {
    "name": "turned",
    "splits": ["train", "test"],
    "pipelines": [
        {"name": "moved", "steps": [{"op": "affine_coords", "translate": 0.2}]},
        {"name": "mixed", "steps": [{"op": "mixup", "law": "uniform"}]},
    ],
}


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_painter, "RESOLUTION", RESOLUTION)
    monkeypatch.setattr(shape_painter, "SIZE", SIZE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return ball_store(tmp_path_factory.mktemp("shapes") / "store")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store whose recipe takes no object for an unsigned distance."""
    return ball_store(tmp_path_factory.mktemp("marked") / "store", ball_recipe(unreliable="mark"))


@pytest.fixture(scope="module")
def source() -> ShapeSource:
    return ball_source()


def panels_of(store: Store, source: ShapeSource | None, objects: int = 12) -> dict[int, Panel]:
    panels = make_panels(store, painter_of(store, source), objects, 3)
    return {panel.object_id: panel for panel in panels}


class TestPanels:
    def test_a_picture_is_of_the_surface_of_its_field(self, store: Store, source: ShapeSource) -> None:
        mesh, values = source.mesh(0), shape_values(store)
        for object_id, panel in panels_of(store, source, 4).items():
            assert panel.painting.source is not None
            assert np.array_equal(panel.painting.source, shade(mesh, SIZE, extent_of(mesh)))
            rows = np.flatnonzero(store.column("object_id") == object_id)
            for image, row in zip(panel.painting.images, rows, strict=True):
                target = ShapeTarget(store.column("target")[row])
                surface = field_mesh(store.spec, store.weights([row])[0], values, target, RESOLUTION)
                assert np.array_equal(image, shade(surface, SIZE, extent_of(mesh)))

    def test_without_a_source_the_largest_view_fills_its_picture(self, store: Store) -> None:
        painting = panels_of(store, None)[0].painting
        assert painting.source is None
        widths = [(image < 1).any(axis=(0, 2)).sum() for image in painting.images]
        assert widths[0] < widths[1] < widths[2]
        assert SIZE - 8 < widths[2] < SIZE

    def test_iou_and_chamfer_distance(self, store: Store, source: ShapeSource) -> None:
        for object_id, panel in panels_of(store, source).items():
            if object_id == DOUBTFUL:
                continue
            rows = np.flatnonzero(store.column("object_id") == object_id)
            ious, distances = zip(*panel.painting.quality, strict=True)
            assert list(ious) == [f"IoU {iou:.3f}" for iou in store.column("iou")[rows]]
            for text, radius in zip(distances, RADII, strict=True):
                found = float(text.removeprefix("Chamfer "))
                assert found == pytest.approx(abs(radius - SOURCE_RADIUS), abs=0.005)

    def test_chamfer_distances_need_a_source(self, store: Store) -> None:
        qualities = panels_of(store, None)[0].painting.quality
        assert [more for _, more in qualities] == ["", "", ""]

    def test_unsigned_distances_have_an_error_and_a_note(self, store: Store, source: ShapeSource) -> None:
        panels = panels_of(store, source)
        painting = panels[DOUBTFUL].painting
        rows = np.flatnonzero(store.column("object_id") == DOUBTFUL)
        errors = store.column("surface_error")[rows]
        assert painting.quality == tuple((f"error {error:.4f}", "") for error in errors)
        assert painting.note == ("unsigned: 25 % unreliable", ALARM)
        assert all(not panel.painting.note[0] for key, panel in panels.items() if key != DOUBTFUL)

    def test_a_mesh_that_is_lost_in_the_cube_is_drawn_all_the_same(
        self, store: Store, source: ShapeSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tiny = source.mesh(0)
        monkeypatch.setattr(ShapeSource, "mesh", lambda *_: Mesh(1e-4 * tiny.vertices, tiny.faces))
        assert len(panels_of(store, source)[0].painting.images) == 3

    def test_a_field_without_a_surface_says_so(self, tmp_path: Path, source: ShapeSource) -> None:
        hollow = ball_store(tmp_path / "store", radii=(0.5, 0.0, 0.7))
        panels = panels_of(hollow, source)
        assert [more for _, more in panels[0].painting.quality][1] == "no surface"
        assert (panels[0].painting.images[1] == 1).all()
        assert panels[DOUBTFUL].painting.quality[1][1] == "no surface"


class TestFigure:
    def test_meshes_stand_beside_the_surfaces_of_their_views(self, store: Store, source: ShapeSource) -> None:
        figure = draw_gallery(store, source, objects=6, views=2)
        sheet, histogram = figure.axes
        assert len(sheet.images) == 6 * 3
        assert histogram.get_xlabel() == "IoU of the 33 fields that have one"
        assert sum(patch.get_height() for patch in histogram.patches) == 33
        low, high = histogram.get_xlim()
        assert 0 <= low < high <= 1
        shapes = store.manifest.summary.shapes
        assert shapes
        assert shapes.iou
        assert [text.get_text() for text in histogram.texts] == [f"median {shapes.iou.median:.3f}"]
        assert f"median IoU {shapes.iou.median:.3f}" in figure.texts[1].get_text()
        assert figure.texts[2].get_text() == "signs unreliable in 1 object"

    def test_a_missing_source_is_stated(self, store: Store) -> None:
        note = draw_gallery(store, None, objects=2).texts[2].get_text()
        assert note.startswith("no source given: reconstructions only, drawn on 24 × 24 × 24 points")

    def test_doubtful_objects_are_marked_on_the_sheet(self, store: Store) -> None:
        texts = [text for text in draw_gallery(store, None).axes[0].texts if "unreliable" in text.get_text()]
        assert [text.get_color() for text in texts] == [ALARM]

    def test_diverged_fields_are_marked(
        self, store: Store, source: ShapeSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Store.column

        def column(self: Store, asked: str) -> Any:
            found = real(self, asked)
            return np.full_like(found, Status.diverged) if asked == "status" else found

        monkeypatch.setattr(Store, "column", column)
        figure = draw_gallery(store, source, objects=4, views=2)
        captions = [text.get_text() for text in figure.axes[0].texts]
        assert captions.count("diverged") == 8
        assert not any("Chamfer" in caption for caption in captions)
        assert "36 diverged" in figure.texts[1].get_text()

    def test_where_nothing_has_an_inside_errors_are_counted(self, tmp_path: Path) -> None:
        unsigned = ball_store(tmp_path / "store", ball_recipe(target="udf"))
        figure = draw_gallery(unsigned, None, objects=1, views=1)
        histogram = figure.axes[1]
        assert histogram.get_xlabel() == "surface error"
        assert sum(patch.get_height() for patch in histogram.patches) == len(unsigned)
        assert "median surface error 0.00" in figure.texts[1].get_text()
        assert panels_of(unsigned, None, 12)[0].painting.note[0] == "unsigned: a shell"

    @pytest.mark.parametrize("objects", [1, 12])
    @pytest.mark.parametrize("views", [1, 3])
    @pytest.mark.parametrize("with_source", [True, False])
    def test_no_text_overlaps_another_or_leaves_the_page(
        self, store: Store, source: ShapeSource, objects: int, views: int, with_source: bool
    ) -> None:
        require_readable(draw_gallery(store, source if with_source else None, objects=objects, views=views))

    def test_the_same_store_gives_the_same_bytes(
        self, store: Store, source: ShapeSource, tmp_path: Path
    ) -> None:
        for name in ("a.png", "b.png"):
            gallery(store, source, tmp_path / name, objects=2)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


class TestCopies:
    def test_copies_stand_beside_what_they_should_render(self, marked: Store, tmp_path: Path) -> None:
        copies = augmented(marked, tmp_path / "copies", TURNED)
        painter = painter_of(copies)
        for strip in make_strips(copies, marked, painter, 6):
            record = copies.record(int(strip.title.rpartition("#")[2]))
            first, second, expected, copy = strip.tiles
            assert first is not None
            assert expected is not None
            assert copy is not None
            (parent,) = painter.fields(marked.weights([record["parent_a"]]))
            assert np.array_equal(first.image, parent)
            if record["pipeline"] == 0:
                assert second is None
                np.testing.assert_allclose(expected.image, copy.image, atol=0.1)
                assert np.abs(expected.image - first.image).max() > 0.3
            else:
                assert second is not None
                sizes = [int((tile.image < 1).any(axis=2).sum()) for tile in (first, second, expected)]
                assert min(sizes[:2]) <= sizes[2] <= max(sizes[:2])

    def test_all_stand_in_the_same_cube(self, marked: Store) -> None:
        """Places and sizes can be compared from picture to picture."""
        for picture, radius in zip(painter_of(marked).fields(marked.weights([0, 1, 2])), RADII, strict=True):
            width = int((picture < 1).any(axis=(0, 2)).sum())
            assert width == pytest.approx(radius / CUBE_EXTENT * SIZE, abs=3)

    def test_the_page(self, marked: Store, tmp_path: Path) -> None:
        copies = augmented(marked, tmp_path / "copies", TURNED)
        require_readable(draw_copy_gallery(copies, marked, copies=5))
        alone = draw_copy_gallery(copies, None, copies=3)
        assert alone.texts[2].get_text().endswith("not given: copies only, drawn on 24 × 24 × 24 points")

    def test_copies_that_do_not_say_what_they_are(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies", TURNED)
        with pytest.raises(OptionError, match="copies do not say whose objects became unsigned distances"):
            draw_copy_gallery(copies, store)

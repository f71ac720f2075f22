"""The gallery: the right pictures beside each other, honest captions, and text that can be read."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from neuralviews.errors import OutputError
from neuralviews.fit.reproduce import open_store_source
from neuralviews.report import layout
from neuralviews.report.gallery import draw_gallery, gallery
from neuralviews.report.image_painter import NO_SOURCE_SHAPE
from neuralviews.report.layout import Layout
from neuralviews.report.painter import painter_of
from neuralviews.report.panels import Panel, make_panels
from neuralviews.report.render import to_display
from neuralviews.signals.catalogue import Source, open_source
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from ..made_stores import PHOTO_SHAPES, digits_recipe, make_store, photo_recipe
from .pages import require_readable


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("gallery") / "store", diverged=(4, 17))


@pytest.fixture(scope="module")
def source(store: Store) -> Source:
    return open_store_source(store, None)


def panels_of(store: Store, source: Source | None, objects: int, views: int) -> list[Panel]:
    return make_panels(store, painter_of(store, source), objects, views)


class TestPanels:
    @pytest.mark.parametrize("count", [1, 7, 10, 25, 40])
    def test_objects_are_spread_evenly_over_the_classes(self, store: Store, count: int) -> None:
        ids, first = np.unique(store.column("object_id"), return_index=True)
        labels = dict(zip(ids.tolist(), store.column("label")[first].tolist(), strict=True))
        panels = panels_of(store, None, count, 1)
        assert len({panel.object_id for panel in panels}) == count
        shown = Counter(labels[panel.object_id] for panel in panels)
        for label, size in Counter(labels.values()).items():
            assert abs(shown[label] - count * size / len(ids)) < 1

    def test_at_most_what_there_is(self, store: Store) -> None:
        panels = panels_of(store, None, 1000, 1000)
        assert len(panels) == 40
        assert {panel.views for panel in panels} == {(0, 1, 2)}

    def test_the_choice_is_the_same_every_time(self, store: Store, source: Source) -> None:
        first, second = (panels_of(store, chosen, 8, 2) for chosen in (None, source))
        assert [panel.object_id for panel in first] == [panel.object_id for panel in second]

    def test_each_panel_shows_its_own_object(self, store: Store, source: Source) -> None:
        for panel in panels_of(store, source, 40, 3):
            rows = np.flatnonzero(store.column("object_id") == panel.object_id)
            signal = source.signal(panel.object_id)
            assert panel.painting.source is not None
            assert np.array_equal(panel.painting.source, to_display(signal.values.reshape(8, 8, 1), (0, 1)))
            assert panel.label == f"{store.column('label')[rows[0]]}"
            assert panel.painting.quality == tuple(
                (f"{psnr:.1f} dB", "") for psnr in store.column("psnr")[rows]
            )
            assert panel.diverged == tuple((np.isin(rows, (4, 17))).tolist())
            for image, row in zip(panel.painting.images, rows, strict=True):
                drawn = np.clip(store.field(int(row)).render((8, 8)), 0, 1)
                np.testing.assert_allclose(image, drawn, atol=1e-3)

    def test_without_a_source_views_have_the_shape_that_the_store_states(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (panel,) = panels_of(store, None, 1, 1)
        assert panel.painting.source is None
        assert panel.painting.images[0].shape == (8, 8)
        sizes_differ = {**store.job, "source": {**store.job["source"], "image_shape": None}}
        monkeypatch.setattr(Store, "job", property(lambda self: sizes_differ))
        (panel,) = panels_of(store, None, 1, 1)
        assert panel.painting.images[0].shape == NO_SOURCE_SHAPE


class TestFigure:
    def test_sources_stand_beside_their_views(self, store: Store, source: Source) -> None:
        sheet, histogram = draw_gallery(store, source, objects=6, views=2).axes
        assert len(sheet.images) == 6 * 3
        captions = [text.get_text() for text in sheet.texts]
        for panel in panels_of(store, source, 6, 2):
            assert f"#{panel.object_id}" in captions
            assert all(quality in captions for quality, _ in panel.painting.quality)
        marks = [text.get_text() for text in histogram.texts]
        assert marks == [f"median {store.manifest.summary.psnr.median:.1f} dB"]

    def test_the_histogram_counts_every_field(self, store: Store) -> None:
        histogram = draw_gallery(store, None).axes[1]
        assert sum(patch.get_height() for patch in histogram.patches) == len(store)

    def test_without_any_psnr_a_line_says_so(self, tmp_path: Path) -> None:
        histogram = draw_gallery(make_imported(tmp_path / "store", image_shape=(8, 8)), None).axes[1]
        (text,) = histogram.texts
        assert text.get_text() == "no PSNR is known"
        assert (text.get_position(), text.get_ha(), text.get_va()) == ((0, 1), "left", "top")
        assert not histogram.patches

    def test_a_missing_source_is_stated(self, store: Store) -> None:
        figure = draw_gallery(store, None, objects=3, views=1)
        assert any("no source given: reconstructions only" in text.get_text() for text in figure.texts)
        assert len(figure.axes[0].images) == 3

    def test_diverged_fields_are_marked(self, store: Store, source: Source) -> None:
        captions = [text.get_text() for text in draw_gallery(store, source, objects=40).axes[0].texts]
        assert captions.count("diverged") == 2

    @pytest.mark.parametrize(("floor", "text"), [(35.0, "floor 35 dB"), (-40.0, "← floor -40 dB")])
    def test_the_floor_is_marked(self, tmp_path: Path, floor: float, text: str) -> None:
        """On the axis if it is near the data; far below, it would squeeze them into one bar."""
        floored = make_store(tmp_path / "store", digits_recipe(fit={"min_psnr": floor}), 10)
        histogram = draw_gallery(floored, None).axes[1]
        assert text in [mark.get_text() for mark in histogram.texts]
        assert 30 < histogram.get_xlim()[0] < 40

    def test_colour_and_any_aspect_ratio(self, tmp_path: Path) -> None:
        photos = photo_recipe(tmp_path / "photos")
        colored = make_store(tmp_path / "store", photos, 9)
        sheet = draw_gallery(colored, open_source(photos), objects=9, views=1).axes[0]
        pictures = [np.asarray(image.get_array()) for image in sheet.images]
        assert {picture.shape for picture in pictures} == {(*shape, 3) for shape in PHOTO_SHAPES}
        for index, picture in enumerate(pictures[::2]):  # sources; without labels, ordered by object
            np.testing.assert_allclose(picture[0, 0] * 255, (10 * index, 100, 200), atol=1e-3)
        for image, picture in zip(sheet.images, pictures, strict=True):
            left, right, bottom, top = image.get_extent()
            assert (right - left) / (bottom - top) == pytest.approx(picture.shape[1] / picture.shape[0])

    @pytest.mark.parametrize("objects", [1, 5, 12, 30])
    @pytest.mark.parametrize("views", [1, 3])
    @pytest.mark.parametrize("with_source", [True, False])
    def test_no_text_overlaps_another_or_leaves_the_page(
        self, store: Store, source: Source, objects: int, views: int, with_source: bool
    ) -> None:
        figure = draw_gallery(store, source if with_source else None, objects=objects, views=views)
        require_readable(figure)


class TestLayout:
    @given(objects=st.integers(1, 1000), columns=st.integers(1, 500))
    def test_what_a_refusal_names_fits_and_no_more(self, objects: int, columns: int) -> None:
        try:
            page = Layout.checked(objects, columns)
        except OutputError as error:
            found = re.search(r"show at most (\d+) (objects|pictures of each)$", str(error))
            assert found
            if found[2] == "objects":
                assert Layout(int(found[1]), columns).fits
                assert not any(Layout(n, columns).fits for n in range(int(found[1]) + 1, objects))
            else:
                assert Layout(1, int(found[1])).fits
                assert not Layout(1, int(found[1]) + 1).fits
        else:
            width, height = page.pixels
            assert max(width, height) <= 65_000
            assert width * height <= 120_000_000

    @pytest.mark.parametrize("views", [1, 2, 3])
    def test_as_many_objects_as_the_command_takes_fit_by_default(self, views: int) -> None:
        Layout.checked(1000, views + 1)


class TestFile:
    @pytest.mark.parametrize("suffix", [".png", ".PNG", ".svg", ".pdf", ".jpg"])
    def test_the_suffix_names_the_format(self, store: Store, tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"gallery{suffix}"
        gallery(store, None, out, objects=2, views=1)
        starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".jpg": b"\xff\xd8"}
        assert out.read_bytes().startswith(starts[suffix.lower()])

    def test_the_same_store_gives_the_same_bytes(self, store: Store, source: Source, tmp_path: Path) -> None:
        for name in ("a.png", "b.png"):
            gallery(store, source, tmp_path / name)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

    def test_an_unknown_format_is_refused(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(
            OutputError, match=r"gallery.bmp: found suffix '.bmp', expected one of .png, .pdf"
        ):
            gallery(store, None, tmp_path / "gallery.bmp")

    def test_a_folder_that_is_not_there(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"g.png: the gallery cannot be written: there is no folder"):
            gallery(store, None, tmp_path / "nowhere" / "g.png", objects=1)

    def test_a_page_that_is_too_large_is_refused_before_it_is_drawn(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(layout, "_LONGEST_SIDE", 2000)
        message = (
            r"gallery: found 40 objects of 3 pictures each, a page of [\d,]+ x 2,355 pixels, "
            r"expected at most 2,000 a side .*: show at most 32 objects"
        )
        with pytest.raises(OutputError, match=message):
            gallery(store, None, tmp_path / "g.jpg", objects=700)
        gallery(store, None, tmp_path / "g.jpg", objects=32)
        assert os.listdir(tmp_path) == ["g.jpg"]

    @pytest.mark.parametrize(
        "fault", [OSError("broken data stream\nwhen writing"), ValueError("too large"), MemoryError()]
    )
    def test_what_an_encoder_raises_is_one_line(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise fault

        monkeypatch.setattr(Figure, "savefig", fail)
        cause = " ".join(str(fault).split()) or "MemoryError"
        with pytest.raises(OutputError, match=rf"g\.png: the gallery cannot be written: {cause}$"):
            gallery(store, None, tmp_path / "g.png", objects=1)
        assert not os.listdir(tmp_path)

    def test_no_global_state_of_matplotlib(self, store: Store, tmp_path: Path) -> None:
        program = (
            "import sys, neuralviews as nv\n"
            "nv.gallery(nv.open_store(sys.argv[1]), None, sys.argv[2], objects=1)\n"
            "assert 'matplotlib.pyplot' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", program, store.root, tmp_path / "g.png"], check=True)

"""Strips: copies beside the right parents and what they should render, with honest captions."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment import replay
from neuralviews.errors import EngineError, IntegrityError, OptionError, OutputError
from neuralviews.field import evaluate
from neuralviews.grids import image_grid
from neuralviews.records import Status
from neuralviews.report import layout
from neuralviews.report.copies import Strip, make_strips
from neuralviews.report.gallery import draw_gallery
from neuralviews.report.painter import painter_of
from neuralviews.report.sheet import Tile
from neuralviews.report.strip import copy_gallery, draw_copy_gallery
from neuralviews.report.wording import shares_text
from neuralviews.store.reader import Store

from ..made_stores import make_store, photo_recipe
from .copies import MIXED, augmented
from .pages import drawn_texts, require_readable

SHAPE, DIGITS = (8, 8), tuple("0123456789")


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("strip") / "parent", diverged=(4, 17))


@pytest.fixture(scope="module")
def copies(parent: Store) -> Store:
    return augmented(parent, parent.root.parent / "copies")


def strips_of(store: Store, parent: Store | None, count: int) -> list[Strip]:
    return make_strips(store, parent, painter_of(store), count)


def record_of(strip: Strip) -> int:
    return int(strip.title.rpartition("#")[2])


def tile_of(strip: Strip, name: str) -> Tile:
    (tile,) = [tile for tile in strip.tiles if tile is not None and tile.name == name]
    return tile


def lines_of(tile: Tile) -> tuple[str, str]:
    return tile.caption[0][0], tile.caption[1][0]


def at(store: Store, row: int, points: NDArray[Any]) -> NDArray[Any]:
    """A field of a store at points, in float64, as an image."""
    return evaluate(store.spec, store.weights([row])[0], points).reshape(*SHAPE)


def require_image(image: NDArray[Any], expected: NDArray[Any]) -> None:
    np.testing.assert_allclose(image, np.clip(expected, 0, 1), atol=1e-3)


class TestContent:
    def test_every_picture_is_of_what_the_record_says(self, parent: Store, copies: Store) -> None:
        grid = image_grid(*SHAPE, parent.spec.axis_order).astype(np.float64)
        seen = Counter[int]()
        for strip in strips_of(copies, parent, 40):
            record = copies.record(record_of(strip))
            seen[record["pipeline"]] += 1
            first = at(parent, record["parent_a"], grid)
            require_image(tile_of(strip, "parent a").image, first)
            require_image(tile_of(strip, "copy").image, at(copies, record["record_id"], grid))
            expected, params = tile_of(strip, "should render").image, record["params"]
            if record["pipeline"] in (0, 2):
                lam = params[0 if record["pipeline"] == 0 else sum(parent.spec.dims[1:-1])]
                second = at(parent, record["parent_b"], grid)
                require_image(tile_of(strip, "parent b").image, second)
                require_image(expected, lam * first + (1 - lam) * second)
            else:
                assert strip.tiles[1] is None
                moved = grid @ np.reshape(params[:4], (2, 2)).T + params[4:6]
                seen_at = moved if record["pipeline"] == 1 else grid
                require_image(expected, at(parent, record["parent_a"], seen_at))
        assert set(seen) == {0, 1, 2, 3}

    def test_captions_are_those_of_the_records(self, parent: Store, copies: Store) -> None:
        columns = {name: copies.column(name) for name in ("psnr", "psnr_before", "status", "in_domain")}
        said = Counter[str]()
        for strip in strips_of(copies, parent, len(copies)):
            row = record_of(strip)
            record, pipeline = copies.record(row), strip.title.partition(" ")[0]
            psnr, before, status, inside = (columns[name][row] for name in columns)
            quality, mark = lines_of(tile_of(strip, "copy"))
            assert (mark == "rejected") == (status == Status.diverged)
            said[mark] += 1
            if pipeline == "repaired":
                assert quality == f"{before:.1f} → {psnr:.1f} dB"
            else:
                assert quality == ("∞ dB" if pipeline == "smooth" else f"{psnr:.1f} dB")
            assert (lines_of(tile_of(strip, "should render"))[0] == "") == (inside == 1)
            assert strip.label == shares_text(
                DIGITS, *(np.array(record[key]) for key in ("classes", "shares"))
            )
            label, number = lines_of(tile_of(strip, "parent a"))
            a, b = record["parent_a"], record["parent_b"]
            assert label == f"{parent.column('label')[a]}"
            share = number.removesuffix(f"#{a}")
            if pipeline in ("turned", "smooth"):
                assert share == ""
                continue
            assert lines_of(tile_of(strip, "parent b"))[1].endswith(f" × #{b}")
            if parent.column("label")[a] != parent.column("label")[b]:
                assert share == f"{record['shares'][0]:.2f} × "
        assert said["rejected"] > 0
        assert said[""] > 0

    @pytest.mark.parametrize("count", [1, 4, 10, 12, 33])
    def test_copies_are_spread_over_the_pipelines(self, copies: Store, count: int) -> None:
        strips = strips_of(copies, None, count)
        assert len({record_of(strip) for strip in strips}) == count
        shown = Counter(strip.title.partition(" ")[0] for strip in strips)
        assert all(abs(shown[pipeline["name"]] - count / 4) < 1 for pipeline in MIXED["pipelines"])

    def test_one_copy_a_pipeline_shows_several_classes(self, copies: Store) -> None:
        rows = [record_of(strip) for strip in strips_of(copies, None, 4)]
        assert len(set(copies.column("label")[rows].tolist())) >= 3

    def test_at_most_what_there_is(self, copies: Store) -> None:
        assert len(strips_of(copies, None, 10_000)) == len(copies)

    def test_the_choice_does_not_depend_on_the_parents(self, parent: Store, copies: Store) -> None:
        alone, beside = (strips_of(copies, origin, 9) for origin in (None, parent))
        assert [strip.title for strip in alone] == [strip.title for strip in beside]
        for one, other in zip(alone, beside, strict=True):
            (tile,) = one.tiles
            assert tile is not None
            assert np.array_equal(tile.image, tile_of(other, "copy").image)

    def test_copies_of_mixtures_have_four_shares(self, parent: Store, copies: Store, tmp_path: Path) -> None:
        twice = augmented(copies, tmp_path / "twice", {**MIXED, "pipelines": MIXED["pipelines"][:1]})
        assert twice.column("classes").shape[1] == 4
        labels = [strip.label for strip in strips_of(twice, copies, 40)]
        assert max(label.count("+") for label in labels) >= 2
        require_readable(draw_copy_gallery(twice, copies, copies=40))

    def test_without_mixtures_no_place_is_left_for_a_second_parent(
        self, parent: Store, tmp_path: Path
    ) -> None:
        flips = {"name": "flips", "pipelines": [{"name": "one", "steps": [{"op": "sign_flip"}]}]}
        store = augmented(parent, tmp_path / "flips", flips)
        for strip in strips_of(store, parent, 3):
            assert [tile and tile.name for tile in strip.tiles] == ["parent a", "should render", "copy"]
        require_readable(draw_copy_gallery(store, parent, copies=3))

    def test_fields_without_labels_or_parameters(self, tmp_path: Path) -> None:
        photos = make_store(tmp_path / "photos-store", photo_recipe(tmp_path / "photos"), 9)
        flat = {"name": "flat", "pipelines": [{"name": "bare", "steps": [{"op": "repair", "steps": 1}]}]}
        bare = augmented(photos, tmp_path / "bare", flat)
        assert bare.column("params").shape[1] == 1
        for strip in strips_of(bare, photos, 3):
            assert strip.label == "no label"
            assert lines_of(tile_of(strip, "parent a")) == (
                f"#{bare.record(record_of(strip))['parent_a']}",
                "",
            )
            assert tile_of(strip, "copy").image.shape == (32, 32, 3)


class TestRefusals:
    def test_another_store_than_the_parent(self, copies: Store, tmp_path: Path) -> None:
        other = make_store(tmp_path / "other", objects=39)
        message = f"found dataset {other.dataset_id}, expected .*; give the store that was augmented"
        with pytest.raises(IntegrityError, match=message):
            strips_of(copies, other, 3)

    def test_fitted_fields(self, parent: Store) -> None:
        with pytest.raises(OptionError, match="has no parent, its kind is 'generate'; leave the parent out"):
            draw_copy_gallery(parent, None)

    def test_copies_have_no_gallery_of_views(self, copies: Store) -> None:
        with pytest.raises(OptionError, match="holds augmented copies, expected fields fitted to a source"):
            draw_gallery(copies, None)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("parent_a", 10**6, "parent_a of record 0 is 1000000, but the parent store has 0 to 119"),
            ("parent_b", 2**64 - 1, "record 0 is a mixture without a second parent"),
            ("pipeline", 4, "found pipeline 4, expected 0 to 3, those of its plan"),
        ],
    )
    def test_columns_that_no_plan_makes(
        self,
        parent: Store,
        copies: Store,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: int,
        message: str,
    ) -> None:
        real = Store.column

        def column(self: Store, asked: str) -> NDArray[Any]:
            found = real(self, asked)
            return np.full_like(found, value) if asked == name else found

        monkeypatch.setattr(Store, "column", column)
        with pytest.raises(IntegrityError, match=message):
            strips_of(copies, parent, 3)

    def test_other_operations_than_made_the_store(
        self, parent: Store, copies: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay, "AUGMENTER", 99)
        with pytest.raises(EngineError, match="this neuralviews has 99"):
            strips_of(copies, parent, 3)
        assert strips_of(copies, None, 3)  # copies alone need no operations

    def test_a_page_that_is_too_large(
        self, copies: Store, parent: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(layout, "_LONGEST_SIDE", 2000)
        with pytest.raises(
            OutputError, match=r"found 50 copies of 4 pictures each, .*: show at most \d+ copies$"
        ):
            copy_gallery(copies, parent, tmp_path / "g.png", copies=50)
        assert not list(tmp_path.iterdir())


class TestFigure:
    def test_the_heading_names_plan_and_parent(self, parent: Store, copies: Store) -> None:
        texts = [text.get_text() for text in draw_copy_gallery(copies, parent, copies=3).texts]
        assert texts[0] == "made-mixed"
        rejected = int((copies.column("status") == Status.diverged).sum())
        for part in (f"dataset {copies.dataset_id[:12]}", f"{len(copies):,} copies", f"{rejected} rejected"):
            assert part in texts[1]
        assert texts[2] == f"plan mixed   ·   parent {parent.dataset_id[:12]}"

    def test_missing_parents_are_stated(self, copies: Store) -> None:
        figure = draw_copy_gallery(copies, None, copies=3)
        assert figure.texts[2].get_text().endswith("not given: copies only, drawn on 8 × 8 pixels")
        assert len(figure.axes[0].images) == 3

    def test_the_histogram_counts_every_copy(self, copies: Store) -> None:
        histogram = draw_copy_gallery(copies, None, copies=1).axes[1]
        assert sum(patch.get_height() for patch in histogram.patches) == len(copies)
        assert histogram.get_xlabel() == "PSNR against what each copy should render (dB)"
        assert histogram.get_ylabel() == "copies"
        marks = [text.get_text() for text in histogram.texts]
        assert "floor 20 dB" in marks
        assert f"{len(copies) // 4} at ∞ dB →" in marks
        assert histogram.get_xlim()[1] < 200

    @pytest.mark.parametrize("count", [1, 5, 12])
    @pytest.mark.parametrize("beside", [True, False])
    def test_text_can_be_read(self, parent: Store, copies: Store, count: int, beside: bool) -> None:
        require_readable(draw_copy_gallery(copies, parent if beside else None, copies=count))

    def test_long_names_are_cut(self, parent: Store, tmp_path: Path) -> None:
        long, step = "n" * 64, {"op": "sign_flip"}
        table = {"name": long, "pipelines": [{"name": long, "steps": [step]}]}
        figure = draw_copy_gallery(augmented(parent, tmp_path / "long", table), None, copies=1)
        require_readable(figure)
        assert sum(text.get_text().endswith("n…") for text in drawn_texts(figure)) == 2
        assert "parent " + parent.dataset_id[:12] in figure.texts[2].get_text()

    def test_the_same_store_gives_the_same_bytes(self, parent: Store, copies: Store, tmp_path: Path) -> None:
        for name in ("a.png", "b.png"):
            copy_gallery(copies, parent, tmp_path / name)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

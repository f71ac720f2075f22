"""The page of a store: its numbers are those of the store, within bounds, in one file."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import OptionError, OutputError
from neuralviews.records import Split, Status
from neuralviews.report import page_provenance, page_splits, page_weights
from neuralviews.report.measures import IOU, PSNR, SURFACE_ERROR
from neuralviews.report.page import draw_page, report
from neuralviews.report.page_quality import worst_rows
from neuralviews.report.page_weights import evenly
from neuralviews.statistics.diversity import diversity
from neuralviews.statistics.moments import Statistics
from neuralviews.store.environment import describe_environment, write_environment
from neuralviews.store.reader import Store, open_store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store
from .balls import ball_store
from .html_pages import Page, require_sound


class TestNumbers:
    def test_the_page_is_sound(self, page: Page) -> None:
        require_sound(page)

    def test_the_head(self, page: Page, store: Store) -> None:
        for part in (store.dataset_id, "SIREN 2-6-5-1", "120: 3 views of each of 40 objects", "omega 30"):
            assert part in page.text

    def test_order_statistics_of_each_split(self, page: Page, store: Store) -> None:
        found = page.table("PSNR by split")
        psnr, split = store.column("psnr"), store.column("split")
        parts = {"all": psnr, **{part.name: psnr[split == part] for part in Split}}
        assert found.column("split") == list(parts)
        for line, values in zip(found.lines[1:], parts.values(), strict=True):
            assert line[1] == f"{len(values):,}"
            for share, cell in zip((0, 0.01, 0.05, 0.25, 0.5, 0.75, 1), line[2:], strict=True):
                expected = np.quantile(values.astype(np.float64), share, method="lower")
                assert cell == f"{expected:.2f} dB"

    def test_the_worst_records(self, page: Page, store: Store) -> None:
        found = page.table("12 records of the lowest PSNR")
        expected = np.argsort(store.column("psnr"))[:12].tolist()
        assert [int(number) for number in found.column("record")] == expected
        for name, cells in (
            ("object", "object_id"),
            ("view", "view"),
            ("label", "label"),
            ("steps", "steps"),
        ):
            assert [int(cell) for cell in found.column(name)] == store.column(cells)[expected].tolist()
        statuses = [Status(code).name for code in store.column("status")[expected]]
        assert found.column("status") == statuses
        alts = [image["alt"] for image in page.all("img")]
        assert f"source of record {expected[0]}" in alts
        assert f"record {expected[0]} as it renders" in alts

    def test_weights(self, page: Page, store: Store) -> None:
        found, known = page.table("Weights W and biases b"), Statistics.of(store)
        assert found.column("tensor") == ["W0", "b0", "W1", "b1", "W2", "b2"]
        assert found.column("shape") == ["6 × 2", "6", "5 × 6", "5", "1 × 5", "1"]
        assert found.column("mean") == [f"{value:.4g}" for value in known.tensor_mean]
        assert found.column("deviation") == [f"{value:.4g}" for value in known.tensor_std]
        usable = (store.column("split") == Split.train) & (store.column("status") != Status.diverged)
        first = store.weights(np.flatnonzero(usable))[:, store.spec.layers[0].weight]
        assert found.column("least")[0] == f"{first.min():.4g}"
        assert found.column("greatest")[0] == f"{first.max():.4g}"
        expected = np.quantile(first.astype(np.float64), 0.5, method="lower")
        assert found.column("median")[0] == f"{expected:.4g}"

    def test_diversity(self, page: Page, store: Store) -> None:
        found, known = page.table("Squared distance of pairs"), diversity(store)
        assert known.views
        assert known.same_class
        assert known.other_class
        distances = (known.views, known.same_class, known.other_class)
        assert found.column("as they are") == [f"{one.before:.4g}" for one in distances]
        assert found.column("aligned") == [f"{one.after:.4g}" for one in distances]
        assert known.ratio is not None
        before, after = known.ratio
        assert (
            f"{before:.3f} times as far apart as objects of two classes, and {after:.3f} times" in page.text
        )

    def test_splits_and_classes(self, page: Page, store: Store) -> None:
        splits, label, split = page.table("Records and objects"), store.column("label"), store.column("split")
        for part in Split:
            chosen = split == part
            line = splits.lines[1 + part]
            assert line[:2] == [part.name, str(chosen.sum())]
            assert line[2] == str(len(np.unique(store.column("object_id")[chosen])))
        classes = page.table("Records of each class")
        for line in classes.lines[1:]:
            counts = [int(((label == int(line[0])) & (split == part)).sum()) for part in Split]
            assert line[1:5] == [str(count) for count in (*counts, sum(counts))]
        assert len(classes.lines) == 1 + len(np.unique(label))

    def test_provenance(self, page: Page, store: Store) -> None:
        shards = page.table("Shards: 3")
        assert shards.column("sha256") == [entry.sha256 for entry in store.manifest.shards]
        assert shards.column("bytes") == [f"{entry.bytes:,}" for entry in store.manifest.shards]
        sources = page.table("Source files")
        assert dict(sources.lines[1:]) == store.job["source"]["files"]
        for part in ("neuralviews generate recipe.toml", "--limit 40", store.job["recipe_digest"], "[split]"):
            assert part in page.text

    def test_the_environment_if_it_is_there(self, store: Store, tmp_path: Path) -> None:
        copied = shutil.copytree(store.root, tmp_path / "copy")
        write_environment(copied, describe_environment())
        assert f"numpy=={np.__version__}" in draw_page(open_store(copied))
        (copied / "environment.json").write_bytes(b"{")
        assert "environment.json cannot be read" in draw_page(open_store(copied))


class TestWorst:
    @pytest.mark.parametrize("measure", [PSNR, IOU, SURFACE_ERROR])
    def test_from_the_worst_on_and_those_that_have_it(self, tmp_path: Path, measure: Any) -> None:
        shapes = ball_store(tmp_path / "store")
        values = shapes.column(measure.column)
        rows = worst_rows(shapes, measure, 100)
        assert set(rows.tolist()) == set(np.flatnonzero(measure.having(shapes)).tolist())
        steps = np.diff(values[rows])
        assert ((steps <= 0) if measure is SURFACE_ERROR else (steps >= 0)).all()

    def test_the_first_of_equals(self, tmp_path: Path) -> None:
        imported = make_imported(tmp_path / "store", image_shape=(8, 8))
        assert not len(worst_rows(imported, PSNR, 3))


class TestBounds:
    def test_of_many_some_are_shown_and_the_page_says_so(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page_provenance, "_MOST_ROWS", 2)
        monkeypatch.setattr(page_splits, "_MOST_CLASSES", 4)
        monkeypatch.setattr(page_weights, "_MOST_SUMMED", 20 * store.spec.parameters)
        monkeypatch.setattr(page_weights, "_MOST_SORTED", 10 * store.spec.parameters)
        page = Page(draw_page(store))
        assert "Shards: the first 2 of 3; SHA256SUMS lists all" in page.text
        assert len(page.table("Shards").lines) == 1 + 2
        assert ": the 4 largest of 10 classes" in page.table("Records of each class").caption
        usable = (store.column("split") == Split.train) & (store.column("status") != Status.diverged)
        rows = np.flatnonzero(usable)
        of = f"of the {len(rows):,} usable training records, evenly spaced"
        assert f"exact, over 20 {of}; the rest is over 10 {of}" in page.text
        known = Statistics.of(store, evenly(rows, 20)).tensor_mean
        assert page.table("Weights W").column("mean") == [f"{value:.4g}" for value in known]

    @pytest.mark.parametrize(("count", "most"), [(1, 1), (10, 3), (10, 10), (10, 99), (1000, 7)])
    def test_evenly(self, count: int, most: int) -> None:
        chosen = evenly(np.arange(count), most)
        assert len(chosen) == min(count, most)
        assert len(set(np.diff(chosen).tolist())) <= 2
        assert chosen[0] == count - 1 - chosen[-1] or abs(chosen[0] - (count - 1 - chosen[-1])) <= 1

    def test_many_records_make_no_large_page(self, tmp_path: Path) -> None:
        many = make_store(tmp_path / "store", digits_recipe(views=100), 1000)
        assert len(many) == 100_000
        assert len(draw_page(many)) < 300_000


class TestFile:
    def test_the_same_bytes_wherever_the_store_lies(self, store: Store, tmp_path: Path) -> None:
        moved = open_store(shutil.copytree(store.root, tmp_path / "moved"))
        for place, of in (("a", store), ("b", moved), ("c", store)):
            assert report(of, tmp_path / f"{place}.html") == (tmp_path / f"{place}.html").stat().st_size
        pages = {(tmp_path / f"{place}.html").read_bytes() for place in "abc"}
        assert len(pages) == 1
        assert str(store.root).encode() not in pages.pop()

    def test_an_earlier_page_is_replaced_and_nothing_else_is_left(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "page.html").write_text("old")
        report(store, tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text().startswith('<!doctype html>\n<html lang="en">')
        assert os.listdir(tmp_path) == ["page.html"]

    def test_a_page_that_cannot_be_drawn_leaves_the_old_one(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "page.html").write_text("old")
        with pytest.raises(OptionError, match=r"parent: .* has none, its kind is 'generate'; leave it out"):
            report(store, tmp_path / "page.html", parent=store)
        assert (tmp_path / "page.html").read_text() == "old"
        assert os.listdir(tmp_path) == ["page.html"]

    def test_places_that_no_page_is_written_to(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "folder.html").mkdir()
        for out, message in (
            (tmp_path / "page.png", r"page.png: found suffix '.png', expected one of .html, .htm"),
            (tmp_path / "no" / "page.html", "page.html: the report cannot be written: there is no folder"),
            (store.root / "page.html", "page.html: lies in the store, which holds nothing else"),
            (tmp_path / "folder.html", "folder.html: cannot be written"),
        ):
            with pytest.raises(OutputError, match=message):
                report(store, out)
        assert os.listdir(tmp_path) == ["folder.html"]

"""Imports with lists of splits apart from the files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from neuralviews.errors import OutputError, SourceError
from neuralviews.exchange.run import import_store
from neuralviews.records import Split
from neuralviews.store.canonical import sha256_hex

from .by_hand import write
from .published_sets import DWSNETS, brought, mnist, published


class TestSplits:
    def lists(self, path: Path, **parts: list[str]) -> Path:
        path.write_text(json.dumps(parts))
        return path

    def test_lists_apart_from_the_files(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", published())
        train, val, _, test = published()
        lists = self.lists(tmp_path / "lists.json", train=[f"/home/them/{train}"], val=[val], test=[test])
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, splits=lists))
        assert found.column("split").tolist() == [Split.train, Split.val, Split.test]
        assert report.left_out == {mnist("training", 2, 2): "no list of splits names it"}
        assert found.job["source"]["left_out"] == report.left_out
        assert found.job["source"]["splits"] == sha256_hex(lists.read_bytes())
        assert found.job["source"]["fields"] == 3

    def test_other_lists_make_another_store(self, tmp_path: Path) -> None:
        """The lists decide bytes, so the job names them."""
        path, names = write(tmp_path / "set", published()), [*published()]
        one = self.lists(tmp_path / "one.json", train=names[:2], test=names[2:])
        other = self.lists(tmp_path / "other.json", train=names[2:], test=names[:2])
        import_store(path, tmp_path / "store", replace(DWSNETS, splits=one))
        with pytest.raises(OutputError, match=r"belongs to another job \(source\.splits"):
            import_store(path, tmp_path / "store", replace(DWSNETS, splits=other))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, r"lists\.json: cannot be read \(No such file or directory\); expected lists of paths"),
            ("{", r"lists\.json: not JSON \(.*\); expected lists of paths by split"),
            ('{"train": ["mnist_png_training_0_9/x.pth"]}', r"names 1 of 1 files that are not there"),
        ],
    )
    def test_bad_lists(self, tmp_path: Path, text: str | None, message: str) -> None:
        path, lists = write(tmp_path / "set", published()), tmp_path / "lists.json"
        if text is not None:
            lists.write_text(text)
        with pytest.raises(SourceError, match=message):
            import_store(path, tmp_path / "store", replace(DWSNETS, splits=lists))
        assert not (tmp_path / "store").exists()

"""Files that cannot be read are left out if asked; those that change meanwhile are noticed."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import SourceError
from neuralviews.exchange import run as run_module
from neuralviews.exchange.run import import_store
from neuralviews.work.shards import Sharing

from .by_hand import write
from .published_sets import DWSNETS, brought, mnist, packed, published


class TestKeepGoing:
    def test_files_that_cannot_be_read_are_left_out(self, tmp_path: Path) -> None:
        files = published()
        bad = mnist("training", 1, 1)
        path = write(tmp_path / "set", {**files, bad: b"no pickle"})
        with pytest.raises(
            SourceError, match=r"mnist_png_training_1_1.*: .*expected a state dict of torch\.save"
        ):
            import_store(path, tmp_path / "store", DWSNETS)
        assert not (tmp_path / "store").exists()
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert report.left_out == found.job["source"]["left_out"] == {bad: "it cannot be read"}
        assert report.details[bad].startswith("no pickle that can be read (")
        assert found.column("object_id").tolist() == [0, 2, 60_005]
        assert found.job["source"]["fields"] == 4
        again = import_store(path, tmp_path / "again", replace(DWSNETS, keep_going=True, sharing=Sharing(2)))
        assert again.dataset_id == report.dataset_id

    def test_a_file_that_cannot_even_be_opened(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", published())
        lost = path / mnist("training", 1, 1)
        lost.unlink()
        lost.symlink_to(lost)
        with pytest.raises(SourceError, match=r"training_1_1.* cannot be read"):
            import_store(path, tmp_path / "store", DWSNETS)
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert [*report.left_out] == [mnist("training", 1, 1)]
        assert len(found) == 3

    def test_nothing_left(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", dict.fromkeys(published(), b"no pickle"))
        with pytest.raises(
            SourceError,
            match=r"not one of .* can be read; the first of the errors is: .*training_0_0.*: no pickle",
        ):
            import_store(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert not (tmp_path / "store").exists()


class TestFilesThatChange:
    @pytest.fixture
    def meddle(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
        """Do something after the survey and before the first shard."""

        def during(action: Callable[[], object]) -> None:
            honest = run_module.check_space

            def check_space(*given: Any) -> None:
                honest(*given)
                action()

            monkeypatch.setattr(run_module, "check_space", check_space)

        return during

    @pytest.mark.parametrize("way", ["field", "lists", "archive"])
    def test_they_are_noticed(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None], way: str
    ) -> None:
        path = write(tmp_path / "set", published())
        lists = tmp_path / "lists.json"
        lists.write_text(json.dumps({"train": [*published()]}))
        options = replace(DWSNETS, splits=lists)
        changed = lists
        if way == "field":
            changed = path / mnist("training", 1, 1)
        if way == "archive":
            changed = path = packed(path, tmp_path / "set.tar")
        meddle(lambda: os.utime(changed, ns=(1, 1)))
        with pytest.raises(
            SourceError, match=r"files changed while they were imported, so .*store belongs to no"
        ):
            import_store(path, tmp_path / "store", options)
        assert not (tmp_path / "store" / "manifest.json").exists()

    def test_another_file_beside_them_does_not_matter(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None]
    ) -> None:
        path = write(tmp_path / "set", {**published(), "log.txt": b"began"})
        meddle(lambda: (path / "log.txt").write_text("goes on"))
        assert import_store(path, tmp_path / "store", DWSNETS).missing == 0

    def test_a_file_that_vanishes(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None]
    ) -> None:
        path = write(tmp_path / "set", published())
        meddle((path / mnist("training", 1, 1)).unlink)
        with pytest.raises(SourceError, match=r"training_1_1.*cannot be read \(No such file"):
            import_store(path, tmp_path / "store", DWSNETS)
        assert not (tmp_path / "store" / "manifest.json").exists()

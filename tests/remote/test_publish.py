"""Publishing: a proven store and nothing else, the same bytes every time."""

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import (
    FormatError,
    OptionError,
)
from neuralviews.recipe import load_recipe
from neuralviews.remote.publish import publish
from neuralviews.store.environment import write_environment
from neuralviews.store.reader import Store

from ..ball_fields import ball_store
from ..made_stores import contents
from ..report.copies import augmented
from .releases import MADE, STATED, own_files, require_sound, shipped_store


class TestRelease:
    def test_of_images(self, tmp_path: Path) -> None:
        store = shipped_store(tmp_path / "store")
        release = publish(store.root, tmp_path / "deep" / "out", STATED)
        require_sound(store.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml"}
        assert load_recipe(release.root / "recipe.toml").digest() == store.job["recipe_digest"]
        files = [path for path in release.root.rglob("*") if path.is_file()]
        assert (release.files, release.bytes) == (len(files), sum(path.stat().st_size for path in files))
        assert release.dataset_id == store.dataset_id
        assert release.notes == ()
        subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS.release"], cwd=release.root, check=True)

    def test_of_copies(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        write_environment(copies.root, {"python": "3.11"} | LOCKED)
        release = publish(copies.root, tmp_path / "out", STATED, parent=store.root)
        require_sound(copies.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml", "plan.toml", "environment.json"}
        assert release.notes == ()

    def test_of_shapes(self, tmp_path: Path) -> None:
        store = ball_store(tmp_path / "store")
        release = publish(store.root, tmp_path / "out", STATED)
        require_sound(store.root, release.root)
        assert own_files(release.root) == MADE | {"recipe.toml"}
        assert release.notes == ("gallery.png: drawn without the source; give --source-root",)

    def test_a_release_can_be_published(self, store: Store, tmp_path: Path) -> None:
        first = publish(store.root, tmp_path / "first")
        second = publish(first.root, tmp_path / "second")
        assert contents(first.root) == contents(second.root)

    def test_publishing_again_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        publish(store.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
        publish(store.root, tmp_path / "out")
        assert contents(tmp_path / "out") == made
        assert {path: path.stat().st_mtime_ns for path in times} == times
        publish(store.root, tmp_path / "other")
        assert contents(tmp_path / "other") == made

    def test_the_store_stays_as_it_is(self, store: Store, tmp_path: Path) -> None:
        before = contents(store.root)
        publish(store.root, tmp_path / "out")
        assert contents(store.root) == before

    def test_shards_take_no_room_twice(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        publish(store.root, tmp_path / "out")
        for name in ("shards/shard-000000.h5", "manifest.json"):
            assert (tmp_path / "out" / name).samefile(store.root / name)

    @pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
    def test_files_are_copied_where_they_cannot_be_linked(
        self,
        store: Store,
        tmp_path: Path,
        without_picture: None,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
    ) -> None:
        link = os.link

        def refuse(source: Any, target: Any, **options: Any) -> None:
            if Path(source).is_relative_to(store.root):
                raise OSError(number, os.strerror(number))
            link(source, target, **options)

        monkeypatch.setattr(os, "link", refuse)
        release = publish(store.root, tmp_path / "out")
        require_sound(store.root, release.root)
        assert not (release.root / "manifest.json").samefile(store.root / "manifest.json")


class TestPicture:
    def test_copies_without_parents_are_said(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        release = publish(copies.root, tmp_path / "out", STATED)
        assert release.notes == ("gallery.png: drawn without parents; give --parent",)

    def test_an_origin_that_the_store_does_not_have(self, store: Store, tmp_path: Path) -> None:
        copies = augmented(store, tmp_path / "copies")
        with pytest.raises(
            OptionError, match=r"source-root: .*copies holds augmented copies, .*; give --parent instead"
        ):
            publish(copies.root, tmp_path / "out", source_root=tmp_path)
        with pytest.raises(
            OptionError, match=r"parent: .*store has none, its kind is 'generate'; leave it out"
        ):
            publish(store.root, tmp_path / "out", parent=copies.root)
        assert not (tmp_path / "out").exists()


LOCKED = {
    "cpus": 2,
    "machine": "x86_64",
    "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6", "igl": None},
    "processor": "",
    "python": "3.11.7",
    "system": "Linux",
}


class TestLock:
    def test_it_is_of_the_machine_that_finished_the_store(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        write_environment(tmp_path / "store", LOCKED)
        publish(tmp_path / "store", tmp_path / "out")
        require_sound(tmp_path / "store", tmp_path / "out")
        assert (tmp_path / "out" / "requirements.lock.txt").read_text() == (
            "# Python 3.11.7 on Linux x86_64; packages of the machine that finished the dataset.\n"
            "numpy==2.4.6\ntorch==2.13.0  # 2.13.0+cpu\n"
        )

    def test_else_of_this_machine_and_it_says_so(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        publish(store.root, tmp_path / "out")
        first, *lines = (tmp_path / "out" / "requirements.lock.txt").read_text().splitlines()
        assert first.endswith("of the machine that published the dataset: its maker's are not known.")
        assert any(line.startswith("numpy==") for line in lines)

    @pytest.mark.parametrize("content", [b"", b"[]", b'{"python":3}', b"\xff", b'{"python":"3"}'])
    def test_another_file_of_its_name(self, store: Store, tmp_path: Path, content: bytes) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        (tmp_path / "store" / "environment.json").write_bytes(content)
        with pytest.raises(FormatError, match=r"environment.json: not what neuralviews writes there; remove"):
            publish(tmp_path / "store", tmp_path / "out")
        assert not (tmp_path / "out").exists()

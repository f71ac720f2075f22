"""What is not published, and where nothing is published to: refused before anything is written."""

import shutil
from pathlib import Path

import pytest

from neuralviews.errors import (
    FormatError,
    IntegrityError,
    NotAStore,
    OptionError,
    OutputError,
    UnsafeShard,
)
from neuralviews.remote.publish import publish
from neuralviews.store.reader import Store

from ..made_stores import contents, digits_recipe, make_store
from .releases import STATED, own_files

GOLDEN = Path(__file__).parents[1] / "golden"


class TestRefusal:
    def test_a_folder_that_holds_anything_else(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(OutputError, match=r"found 'thesis.tex', expected an empty folder"):
            publish(store.root, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_shards_of_another_store(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        (tmp_path / "shards").mkdir()
        (tmp_path / "shards" / "shard-000777.h5").write_text("foreign")
        with pytest.raises(OutputError, match=r"shards: found 'shard-000777.h5', expected an empty folder"):
            publish(store.root, tmp_path)
        assert own_files(tmp_path) == set()

    def test_the_release_of_another_store(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        other = make_store(tmp_path / "other", digits_recipe(name="other"), objects=20)
        publish(other.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        with pytest.raises(
            OutputError, match=r"job.json: there is such a file with other bytes than the store"
        ):
            publish(store.root, tmp_path / "out")
        assert contents(tmp_path / "out") == made

    def test_other_terms(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        publish(store.root, tmp_path / "out")
        made = contents(tmp_path / "out")
        with pytest.raises(OutputError, match=r"README.md: there is such a file with other bytes than this"):
            publish(store.root, tmp_path / "out", STATED)
        assert contents(tmp_path / "out") == made

    @pytest.mark.parametrize("inner", ["", "shards", "shards/deep", "release"])
    def test_a_folder_in_the_store(self, store: Store, inner: str) -> None:
        before = contents(store.root)
        with pytest.raises(OptionError, match=r"out: found .*, which is in the store .*; expected a folder"):
            publish(store.root, store.root / inner)
        assert contents(store.root) == before

    def test_a_file_in_place_of_the_folder(self, store: Store, tmp_path: Path, without_picture: None) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match=r"file: cannot be written \(Not a directory\)"):
            publish(store.root, tmp_path / "file")

    def test_no_store(self, tmp_path: Path) -> None:
        with pytest.raises(NotAStore, match="no folder that can be read"):
            publish(tmp_path / "nowhere", tmp_path / "out")

    def test_a_store_that_does_not_say_how_it_was_made(self, tmp_path: Path) -> None:
        with pytest.raises(
            FormatError, match="states no recipe; expected a store that `neuralviews generate`"
        ):
            publish(GOLDEN / "v1", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "name", ["shards/shard-000001.h5", "shards/shard-000000.h5.json", "job.json", "SHA256SUMS"]
    )
    def test_a_damaged_store(self, store: Store, tmp_path: Path, name: str) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        data = bytearray((tmp_path / "store" / name).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / "store" / name).write_bytes(data)
        with pytest.raises(IntegrityError, match=name):
            publish(tmp_path / "store", tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_link_in_place_of_a_shard(self, store: Store, tmp_path: Path) -> None:
        shutil.copytree(store.root, tmp_path / "store")
        shard = tmp_path / "store" / "shards" / "shard-000000.h5"
        shard.unlink()
        shard.symlink_to(store.root / "shards" / "shard-000000.h5")
        with pytest.raises(UnsafeShard, match="a link, expected the file itself"):
            publish(tmp_path / "store", tmp_path / "out")

    def test_a_damaged_release_is_not_called_finished(
        self, store: Store, tmp_path: Path, without_picture: None
    ) -> None:
        publish(store.root, tmp_path / "out")
        for name in ("shards/shard-000000.h5", "SHA256SUMS.release"):
            (tmp_path / "out" / name).unlink()
        (tmp_path / "out" / "shards" / "shard-000000.h5").write_bytes(b"torn")
        with pytest.raises(
            OutputError, match=r"shard-000000.h5: there is such a file with other bytes than the"
        ):
            publish(store.root, tmp_path / "out")
        assert not (tmp_path / "out" / "SHA256SUMS.release").exists()

"""What readers do not serve: damaged shards, links, values that no column can have, and what is no store."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import FormatError, IncompleteStore, IntegrityError, NotAStore, UnsafeShard
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from .stores import (
    ALL,
    copy_store,
    forge,
    make_job,
)

SHARD = "shards/shard-000001.h5"


def flip(path: Path, position: int) -> None:
    """Change one bit and put the modification time back, as a failing disk would."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_only_the_shards_that_are_asked_for_are_touched(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / SHARD).unlink()
    store = open_store(root)
    np.testing.assert_array_equal(store.read([99, 3]).weights, ALL.weights[[99, 3]])
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: missing"):
        store.read([99, 40])


def test_a_damaged_shard_is_refused_every_time(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    flip(root / SHARD, (root / SHARD).stat().st_size - 9)
    store = open_store(root)
    for _ in range(3):
        with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256 [0-9a-f]{64}, expected"):
            store.weights([40])
        with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256"):
            store.column("label")
    assert len(store.weights([0])) == 1


def test_a_shard_that_changes_after_it_was_proven_is_proven_again(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    open_store(root).weights([40])
    flip(root / SHARD, 100)
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256"):
        open_store(root).weights([40])


def test_a_proven_shard_is_not_hashed_again(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_store(finished, tmp_path / "store")
    open_store(root).weights([40])

    def refuse(fd: int) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr("neuralviews.store.mapping.file_sha256", refuse)
    open_store(root).weights([40])


@pytest.mark.parametrize("change", [-1, 1, 4096])
def test_a_shard_of_another_size_is_never_mapped(finished: Path, tmp_path: Path, change: int) -> None:
    root = copy_store(finished, tmp_path / "store")
    size = (root / SHARD).stat().st_size
    os.truncate(root / SHARD, size + change)
    with pytest.raises(
        IntegrityError, match=rf"shard-000001\.h5: found {size + change} bytes, expected {size}"
    ):
        open_store(root).weights([40])


def test_links_out_of_the_store_are_not_followed(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / SHARD).unlink()
    (root / SHARD).symlink_to(finished / SHARD)
    with pytest.raises(UnsafeShard, match=r"shard-000001\.h5: a link, expected the file itself"):
        open_store(root).weights([40])
    (root / "shards").rename(tmp_path / "aside")
    (root / "shards").symlink_to(tmp_path / "aside")
    with pytest.raises(UnsafeShard, match=r"shard-000000\.h5: a link"):
        open_store(root).weights([0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label", -50, "label of record 0 is -50, expected -1 to 1048575"),
        ("label", 2**31 - 1, "label of record 0 is 2147483647, expected -1 to 1048575"),
        ("psnr", 3e38, r"psnr of record 0 is 3e\+38, expected -1000 to 999"),
        ("loss", np.inf, r"loss of record 0 is inf, expected 0 to 3.40282e\+38"),
        ("status", 200, "status of record 0 is 200, expected 0 to 2"),
        ("classes", [1, -7], "classes of record 0 is -7, expected -1 to 1048575"),
        ("classes", [1, 1], "classes of record 0 name one twice"),
        ("shares", [np.nan, 0], "shares of record 0 is nan, expected 0 to 1"),
        ("params", np.inf, r"params of record 0 is inf, expected -3.40282e\+38 to 3.40282e\+38"),
        ("in_domain", 2, "in_domain of record 0 is 2, expected 0 to 1"),
    ],
)
def test_values_that_a_column_cannot_have_are_not_served(
    finished_copies: Path, tmp_path: Path, name: str, value: object, message: str
) -> None:
    forged = forge(open_store(finished_copies), tmp_path / "forged", **{name: value})
    for _ in range(2):
        with pytest.raises(IntegrityError, match=f"forged: {message}; make the store again"):
            forged.column(name)
    with pytest.raises(IntegrityError, match=message.replace("record 0", "record 70")):
        forged.read([70, 3])


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        NotAStore, match=r"none: no folder that can be read; expected a folder with job\.json"
    ):
        open_store(tmp_path / "none")
    with pytest.raises(NotAStore, match="holds no store"):
        open_store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotAStore, match="file: no folder"):
        open_store(tmp_path / "file")


def test_an_unfinished_store_says_how_to_finish(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "store", make_job())
    with pytest.raises(IncompleteStore, match="store: not finished; run the command that makes it again"):
        open_store(tmp_path / "store")


def test_a_newer_store_says_so(finished: Path, tmp_path: Path) -> None:
    text = (finished / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(
        text.replace('"format_version":1,"job"', '"format_version":2,"job"')
    )
    with pytest.raises(FormatError, match=r"manifest\.json: written by a newer neuralviews \(store format 2"):
        open_store(tmp_path)


def test_a_big_endian_machine_is_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    with pytest.raises(FormatError, match="this machine is big-endian"):
        open_store(finished)
    with pytest.raises(FormatError, match="this machine is big-endian"):
        StoreWriter(tmp_path / "store", make_job())

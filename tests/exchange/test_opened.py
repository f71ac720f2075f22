"""Opened files: fields in any order, each file opened once, and names for their bytes."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.errors import SourceError
from neuralviews.exchange.convention import Convention
from neuralviews.exchange.files import Files, OneFile
from neuralviews.exchange.format import Parsed
from neuralviews.exchange.listing import UNREAD, Entry, listed
from neuralviews.exchange.opened import Opened, Place, completed, open_place
from neuralviews.records import NO_LABEL
from neuralviews.signals.file_tree import FolderTree
from neuralviews.store.canonical import sha256_hex

from .by_hand import made_layers, sequential, write
from .published_sets import DIMS, mnist, packed, published


class Stacked:
    """Files of several fields: their names say how many, and where the first of them counts from."""

    def __init__(self, folder: Path, counts: dict[str, int], entries: list[Entry], **listing: Any) -> None:
        write(folder, {name: str(count).encode() for name, count in counts.items()})
        self.reads: list[str] = []
        self.counts = counts
        made = listed(entries, Convention(30.0), "here", **listing)
        self.opened = Opened(Place(folder), Files(FolderTree(folder, "fields")), "npz", "said", made, None)
        self.opened.__dict__["_parser"] = self.parse

    def parse(self, data: bytes, where: str) -> Parsed:
        name = Path(where).name
        self.reads.append(name)
        return Parsed((1, 1, 1), self.weights(name, int(data)), *self.more(int(data)))

    def weights(self, name: str, count: int) -> NDArray[np.float32]:
        first = 100 * [*self.counts].index(name)
        return np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None], 4, axis=1)

    def more(self, count: int) -> tuple[Any, ...]:
        return ()


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Stacked:
    """Views of an object lie in different files."""
    entries = [Entry(name, n, view, place=n) for view, name in enumerate("ab") for n in range(10)]
    return Stacked(tmp_path_factory.mktemp("stacked"), {"a": 10, "b": 12}, entries)


@given(st.lists(st.integers(0, 19), min_size=1, max_size=30))
def test_fields_come_in_the_order_asked_for(stacked: Stacked, rows: list[int]) -> None:
    stacked.reads.clear()
    found = stacked.opened.read(np.array(rows), (1, 1, 1))
    assert found.weights[:, 0].tolist() == [row // 2 + 100 * (row % 2) for row in rows]
    assert found.label.tolist() == [NO_LABEL] * len(rows)  # nobody tells
    assert len(stacked.reads) == len({*stacked.reads})


def test_a_file_of_many_fields_is_kept_while_they_are_asked_for(stacked: Stacked) -> None:
    stacked.opened._last.clear()
    stacked.reads.clear()
    for row in (0, 2, 4, 1, 3, 0):
        stacked.opened.read(np.array([row]), (1, 1, 1))
    assert stacked.reads == ["a", "b", "a"]


def test_a_file_of_fewer_fields_than_are_listed(tmp_path: Path) -> None:
    entries = [Entry("a", number, place=number) for number in range(3)]
    found = Stacked(tmp_path / "set", {"a": 2}, entries)
    with pytest.raises(SourceError, match=r"set/a: found 2 fields, expected at least 3: replace the file"):
        found.opened.parse(0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (([7, -2],), "found label -2, expected 0 to 1048575"),
        (([7, 1 << 20],), "found label 1048576, expected 0 to 1048575"),
        ((None, None), "expected 2 finite attributes of each field"),
        ((None, [[1.0]] * 2), "expected 2 finite attributes of each field"),
        ((None, [[1.0, np.nan]] * 2), "expected 2 finite attributes of each field"),
    ],
)
def test_what_files_tell_of_fields_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: tuple[Any, ...], message: str
) -> None:
    more = tuple(None if value is None else np.array(value) for value in values)
    monkeypatch.setattr(Stacked, "more", lambda self, count: more)
    found = Stacked(
        tmp_path / "set", {"a": 2}, [Entry("a", 0), Entry("a", 1, place=1)], attributes=("x", "y")
    )
    with pytest.raises(SourceError, match=rf"set/a: {message}: replace the file, or leave it out"):
        found.opened.parse(0)


def test_weights_that_are_not_finite_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def weights(self: Stacked, name: str, count: int) -> NDArray[np.float32]:
        found = np.zeros((count, 4), np.float32)
        found[-1, 2] = np.inf
        return found

    monkeypatch.setattr(Stacked, "weights", weights)
    for count, message in ((1, "found weights that are not"), (3, "field 2 of it has weights that are not")):
        found = Stacked(tmp_path / "set", {"a": count}, [Entry("a", 0)])
        with pytest.raises(SourceError, match=rf"set/a: {message} finite.*: replace the file, or leave"):
            found.opened.parse(0)


def test_other_networks_are_refused(stacked: Stacked) -> None:
    message = r"a: found a network 1-1-1, expected 2-4-1 as in the files before it: one store holds one shape"
    with pytest.raises(SourceError, match=message):
        stacked.opened.read(np.array([0]), (2, 4, 1))


@pytest.mark.parametrize(
    ("label", "inside", "expected"),
    [(UNREAD, 5, 5), (UNREAD, NO_LABEL, NO_LABEL), (3, NO_LABEL, 3), (NO_LABEL, 4, 4), (3, 3, 3)],
)
def test_files_complete_what_names_tell(label: int, inside: int, expected: int) -> None:
    assert completed(np.array([label]), np.array([inside])).tolist() == [expected]


class TestPlaces:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return write(tmp_path / "set", {**published(), "notes.txt": b"mine"})

    def test_bytes_have_a_name(self, folder: Path, tmp_path: Path) -> None:
        opened = open_place(Place(folder, "dwsnets", run="a"))
        digests = {name: sha256_hex((folder / name).read_bytes()) for name in opened.listing.files}
        lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
        assert opened.sha256(digests) == sha256_hex(lines.encode())
        lists = folder / "mnist-inrs" / "splits.json"
        lists.write_text('{"train": ["mnist_png_training_0_0/x.pth"]}')
        listed_ = open_place(Place(folder, "dwsnets", run="b"))
        assert listed_.listing.texts == ("mnist-inrs/splits.json",)
        assert listed_.sha256({}) == sha256_hex(
            f"{sha256_hex(lists.read_bytes())}  mnist-inrs/splits.json\n".encode()
        )
        archive = packed(folder, tmp_path / "set.zip")
        assert open_place(Place(archive, "dwsnets")).sha256({}) == sha256_hex(archive.read_bytes())

    def test_a_run_sees_its_own_files(self, folder: Path) -> None:
        place = Place(folder, "dwsnets", run="a")
        assert open_place(place) is open_place(place) is open_place(open_place(place).place)
        write(folder, {mnist("training", 9, 9): sequential(made_layers(DIMS, 9))})
        assert len(open_place(place).listing) == 4
        assert len(open_place(replace(place, run="b")).listing) == 5

    def test_a_packed_archive_is_unpacked_once(self, folder: Path, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        archive = packed(folder, tmp_path / "set.tgz")
        opened = open_place(Place(archive, "dwsnets", scratch=scratch, run="a"))
        unpacked = list(scratch.iterdir())
        assert len(unpacked) == 1
        other = open_place.__wrapped__(opened.place)  # as in a worker
        assert list(scratch.iterdir()) == unpacked
        np.testing.assert_array_equal(other.parse(0).weights, opened.parse(0).weights)
        del opened, other
        open_place.cache_clear()
        assert list(scratch.iterdir()) == []

    def test_the_state_is_that_of_what_decides(self, folder: Path, tmp_path: Path) -> None:
        lists = tmp_path / "lists.json"
        lists.write_text('{"train": ["mnist_png_training_0_0/x.pth"]}')
        opened = open_place(Place(folder, "dwsnets", splits=lists, run="a"))
        before = opened.state()
        os.utime(folder / "notes.txt", ns=(1, 1))
        assert opened.state() == before
        os.utime(lists, ns=(1, 1))
        after = opened.state()
        assert after != before
        shutil.rmtree(folder)
        assert opened.state() != after

    def test_a_single_file(self, tmp_path: Path) -> None:
        path = tmp_path / "one.pth"
        path.write_bytes(b"bytes")
        files = Files(OneFile(path))
        assert (files.names, files.read("one.pth")) == (("one.pth",), b"bytes")
        assert files.tree.sha256("one.pth") == sha256_hex(b"bytes")
        assert files.describe() == str(path)
        path.unlink()
        with pytest.raises(
            SourceError, match=r"one\.pth: cannot be read \(No such file or directory\); expec"
        ):
            files.read("one.pth")

    def test_names_that_archivers_leave_behind(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", {"__MACOSX/a.pth": b"", "b/__MACOSX/a.pth": b"", "b/c.pth": b""})
        assert Files(FolderTree(path, "fields")).names == ("b/c.pth",)

    @pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[" * 100_000])
    def test_what_is_no_json(self, tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        files = Files(FolderTree(write(tmp_path / "set", {"a.json": text}), "fields"))
        with pytest.raises(SourceError, match=r"a\.json: not JSON \(.*\); replace the file, or leave it out"):
            files.json("a.json")
        monkeypatch.setattr("neuralviews.exchange.files._LARGEST_TEXT", 1)
        write(tmp_path / "set", {"a.json": b"[]"})
        with pytest.raises(SourceError, match=r"a\.json: not JSON \(2 bytes, at most 1\)"):
            files.json("a.json")

"""Damaged HDF5 files: refused, whatever bytes are in them, without a crash or a hang."""

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from h5py import h5p

from neuralviews.errors import SourceError
from neuralviews.exchange.hdf5 import open_hdf5

from ..faults.hostile import (
    ZEROS,
)
from .hdf5_files import LAYOUTS, made, of, read, weights


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no HDF5 file by its first bytes"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 cannot read it"),
        (bytes(512) + of(weights=ZEROS), "no HDF5 file by its first bytes"),
        (of(weights=ZEROS)[:3000], "HDF5 cannot read it"),
    ],
)
def test_what_is_no_whole_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"there/a\.h5: .*{reason}.*replace the file"):
        read(data)


@pytest.mark.parametrize("signature", [b"TREE", b"SNOD", b"HEAP"])
def test_damaged_lists_of_names_are_refused(signature: bytes) -> None:
    """Whether a dataset is there cannot be told then."""
    data = of(weights=ZEROS).replace(signature, b"XXXX")
    with open_hdf5(data, "a.h5") as file, pytest.raises(SourceError, match=r"^a\.h5: dataset a: HDF5 cannot"):
        assert "a" in file


def test_addresses_of_four_bytes_are_refused(tmp_path: Path) -> None:
    plan = h5p.create(h5p.FILE_CREATE)
    plan.set_sizes(4, 4)
    name = tmp_path / "a.h5"
    file = h5py.h5f.create(bytes(name), fcpl=plan)
    file.close()
    with pytest.raises(SourceError, match="addresses that are not of 8 bytes"):
        read(name.read_bytes())


def heap(change: Callable[[bytearray, int, int], None]) -> bytes:
    """A file with a text, once the place of its number and that of its heap were given to a function."""
    data = bytearray(of(text=["[1, 2]"]))
    start = data.index(b"GCOL")
    change(data, data.index(struct.pack("<IQI", 6, start, 1)), start)
    return bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data, number, start: data.__setitem__(slice(number, number + 4), b"\xff" * 4),
        lambda data, number, start: data.__setitem__(slice(number + 4, number + 12), b"\xff" * 8),
        lambda data, number, start: data.__setitem__(slice(number + 12, number + 16), b"\x07\0\0\0"),
        lambda data, number, start: data.__setitem__(slice(start, start + 4), b"XCOL"),
        lambda data, number, start: data.__setitem__(slice(start + 24, start + 32), b"\xff" * 8),
        lambda data, number, start: data.__setitem__(slice(start + 24, start + 32), bytes(8)),
        lambda data, number, start: data.__setitem__(slice(start + 16, start + 18), bytes(2)),
        lambda data, number, start: data.__setitem__(start + 32, 0xFF),
    ],
    ids=["length", "address", "number", "signature", "endless", "of no length", "free", "no UTF-8"],
)
def test_damaged_texts_are_refused(change: Callable[[bytearray, int, int], None]) -> None:
    with (
        pytest.raises(SourceError, match=r"^a\.h5: dataset text.*replace the file"),
        open_hdf5(heap(change), "a.h5") as file,
    ):
        file.text("text")


@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[4], LAYOUTS[6]], ids=["plain", "gzip", "lzf"])
def test_random_bytes_never_crash_or_hang(layout: dict[str, Any]) -> None:
    """Whatever stands in a file, the answer is arrays within it, or a refusal."""

    def fill(file: h5py.File) -> None:
        file.create_dataset("text", (1,), h5py.string_dtype())[0] = "[1, 2]"
        file.create_dataset("weights", data=weights(), **layout)

    data, stream, told = made(fill), random.Random(5), list[str]()
    for attempt in range(400):
        damaged = bytearray(data)
        for _ in range(stream.choice((1, 2, 8, 64))):
            damaged[stream.randrange(len(damaged) if attempt % 2 else 2500)] = stream.choice(
                (0, 255, stream.randrange(256))
            )
        cut = bytes(damaged[: len(damaged) if attempt % 4 else stream.randrange(len(damaged))])
        try:
            with open_hdf5(cut, "a.h5") as file:
                assert file.array("weights").nbytes <= 1 << 24
                assert len(file.text("text")) <= len(data)
        except SourceError as error:
            told.append(str(error))
    assert len(told) > 100
    assert all(text.startswith("a.h5: ") for text in told)

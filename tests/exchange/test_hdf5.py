"""HDF5 files of others: read in all honest layouts; hostile ones refused, with nothing else opened."""

import io
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t
from numpy.typing import NDArray

from neuralviews.errors import SourceError
from neuralviews.exchange.hdf5 import hdf5_bytes, open_hdf5

from ..faults.canary import Canary, watch
from ..faults.hostile import (
    ZEROS,
    Change,
    contiguous,
    dataset,
    deep,
    named_type,
    type_as_object,
    unallocated,
    virtual,
    virtual_unlimited,
)
from .hdf5_files import made, of

LAYOUTS: tuple[dict[str, Any], ...] = (
    {},
    {"chunks": (6, 10)},
    {"chunks": True, "maxshape": (None, 44)},
    {"chunks": (6, 10), "compression": "gzip"},
    {"chunks": (7, 44), "compression": "gzip", "shuffle": True, "fletcher32": True},
    {"compression": "lzf"},
    {"chunks": (6, 10), "compression": "lzf", "shuffle": True, "fletcher32": True},
    {"chunks": (6, 10), "fletcher32": True},
)


def weights(dtype: str = "<f4") -> NDArray[Any]:
    return np.random.default_rng(1).normal(0, 0.1, (40, 44)).astype(dtype)


def read(data: bytes, name: str = "weights") -> NDArray[Any]:
    with open_hdf5(data, "there/a.h5") as file:
        return file.array(name)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "-".join(layout) or "contiguous")
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_every_honest_layout_is_read(layout: dict[str, Any], version: str) -> None:
    for array in (
        weights(),
        np.round(weights(), 1),
        weights(">f4"),
        weights("<f8"),
        np.zeros((40, 44), "<i8"),
    ):
        data = made(
            lambda file, array=array: file.create_dataset("weights", data=array, **layout), libver=version
        )
        found = read(data)
        assert found.dtype == array.dtype.newbyteorder("=")
        assert found.tobytes() == array.astype(found.dtype).tobytes()


def test_chunks_that_did_not_shrink_are_read() -> None:
    """Filters leave such chunks as they are, and say so beside them."""
    noise = np.random.default_rng(2).bytes(40 * 44)
    array = np.frombuffer(noise, "u1").reshape(40, 44)
    for compression in ("gzip", "lzf"):
        data = made(lambda file, by=compression: file.create_dataset("weights", data=array, compression=by))
        assert read(data).tobytes() == noise


def test_scalars_texts_and_empty_datasets_are_read() -> None:
    def fill(file: h5py.File) -> None:
        file["number"] = np.int64(7)
        file["scalar"] = "[1, 2]"
        file["fixed"] = np.bytes_("naïve".encode())
        file["empty"] = np.zeros((0, 3), "<f4")
        file.create_dataset("list", (1,), h5py.string_dtype())[0] = "naïve " * 100

    for version in ("earliest", "latest"):
        with open_hdf5(made(fill, libver=version), "a.h5") as file:
            assert file.array("number") == 7
            assert file.array("empty").shape == (0, 3)
            assert [file.text(name) for name in ("scalar", "fixed", "list")] == [
                "[1, 2]",
                "naïve",
                "naïve " * 100,
            ]
            assert "list" in file
            assert "lists" not in file


def test_datasets_in_headers_are_read() -> None:
    def fill(file: h5py.File) -> None:
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_layout(h5d.COMPACT)
        made = h5d.create(file.id, b"weights", h5t.IEEE_F32LE, h5s.create_simple((40, 44)), dcpl=plan)
        made.write(h5s.ALL, h5s.ALL, weights())

    assert read(made(fill)).tobytes() == weights().tobytes()


def test_plain_datasets_are_not_copied() -> None:
    found = read(of(weights=weights()))
    assert not found.flags.owndata
    assert not found.flags.writeable


def test_what_is_written_is_read_and_always_the_same() -> None:
    data = hdf5_bytes({"weights": weights(), "list": "ä" * 1000, "one": np.array(3)})
    assert data == hdf5_bytes({"weights": weights(), "list": "ä" * 1000, "one": np.array(3)})
    assert read(data).tobytes() == weights().tobytes()
    assert read(data, "one") == 3
    with open_hdf5(data, "a.h5") as file:
        assert file.text("list") == "ä" * 1000
    with h5py.File(io.BytesIO(data)) as file:
        assert file["list"][0].decode() == "ä" * 1000
        assert file["list"].shape == (1,)


def packed_bomb(size: int, **options: Any) -> Change:
    """A small dataset, one chunk of which unpacks to far more than a chunk."""

    def change(file: h5py.File, victim: Path) -> None:
        made = file.create_dataset("weights", (8, 44), "<f4", chunks=(8, 44), **options)
        packed = h5py.File(io.BytesIO(), "w")
        large = packed.create_dataset("x", data=np.zeros(size, "u1"), chunks=(size,), **options)
        made.id.write_direct_chunk((0, 0), large.id.read_direct_chunk((0,))[1])

    return change


def other_filter(code: int) -> Change:
    def change(file: h5py.File, victim: Path) -> None:
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_chunk((8, 44))
        plan.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (1,))
        h5d.create(file.id, b"weights", h5t.IEEE_F32LE, h5s.create_simple((40, 44)), dcpl=plan)

    return change


def one_chunk_of_two(file: h5py.File, victim: Path) -> None:
    file.create_dataset("weights", (16, 44), "<f4", chunks=(8, 44))[:8] = 1


HOSTILE: dict[str, tuple[Change, str]] = {
    "external storage": (lambda f, v: contiguous(f, "weights", ZEROS, v), "lies in another file"),
    "relative external storage": (
        lambda f, v: contiguous(f, "weights", ZEROS, Path("..") / v.parent.name / v.name),
        "lies in another file",
    ),
    "external link": (
        lambda f, v: f.__setitem__("weights", h5py.ExternalLink(v, "/weights")),
        "is a link to elsewhere",
    ),
    "soft link": (
        lambda f, v: (f.__setitem__("x", ZEROS), f.__setitem__("weights", h5py.SoftLink("/x")))[0],
        "is a link to elsewhere",
    ),
    "link that leads nowhere": (
        lambda f, v: f.__setitem__("weights", h5py.SoftLink("/none")),
        "is a link to elsewhere",
    ),
    "virtual dataset": (virtual, "is put together from other datasets"),
    "virtual dataset of unknown shape": (virtual_unlimited, "is put together from other datasets"),
    "shape bomb": (unallocated(1 << 40, 44), "claims 193514046488576 bytes, of which a file of"),
    "shape bomb of 64 bits": (unallocated(1 << 62, 1 << 62), "claims .* bytes|HDF5 cannot read it"),
    "nothing allocated": (unallocated(40, 44), "claims 7040 bytes that are not in the file"),
    "chunks never written": (
        dataset(shape=(1 << 18, 1), dtype="<f4", chunks=(1 << 16, 1), compression="gzip"),
        "has 0 of 4 chunks",
    ),
    "one chunk of two": (one_chunk_of_two, "has 1 of 2 chunks"),
    "very many chunks": (
        dataset(shape=(1 << 20, 1), dtype="<f4", chunks=(1, 1)),
        "claims 1048576 chunks, more than",
    ),
    "large chunks of little": (
        dataset(shape=(1,), maxshape=(None,), dtype="<f4", chunks=(1 << 23,), compression="gzip", data=[1.0]),
        "claims 33554432 bytes, of which too few are in the file",
    ),
    "gzip bomb": (packed_bomb(1 << 24, compression="gzip"), "does not come to the 1408 bytes"),
    "lzf bomb": (packed_bomb(1 << 20, compression="lzf"), "does not come to the 1408 bytes"),
    "short gzip": (packed_bomb(1 << 10, compression="gzip"), "does not come to the 1408 bytes"),
    "short lzf": (packed_bomb(1 << 10, compression="lzf"), "does not come to the 1408 bytes"),
    "another filter": (other_filter(32_008), r"packed by filters \[32008\], expected gzip or lzf"),
    "scale and offset": (
        dataset(data=np.zeros((40, 44), "<i4"), chunks=(8, 44), scaleoffset=0),
        r"packed by filters \[6\]",
    ),
    "compound": (dataset(data=np.zeros((40, 44), [("a", "<f4")])), "neither numbers nor text"),
    "booleans": (dataset(data=np.zeros((40, 44), np.bool_)), "neither numbers nor text"),
    "references": (dataset(shape=(40, 44), dtype=h5py.ref_dtype), "neither numbers nor text"),
    "texts of any length": (dataset(data=["a"] * 40, dtype=h5py.string_dtype()), "that NumPy does not have"),
    "lists": (dataset(shape=(40,), dtype=h5py.vlen_dtype(np.float32)), "neither numbers nor text"),
    "opaque": (dataset(data=np.zeros(4, "V8")), "neither numbers nor text"),
    "no shape": (dataset(data=h5py.Empty("<f4")), "has no shape"),
    "typed by name": (
        lambda f, v: (f.create_group("meta"), named_type(f, v))[1],
        "neither numbers nor text",
    ),
    "a named type": (type_as_object, "is no dataset"),
    "a group": (lambda f, v: f.create_group("weights") and None, "is no dataset"),
    "deep nesting": (deep, "is no dataset"),
    "nothing": (lambda f, v: None, "is not there"),
}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Path, Canary]]:
    """A file that nobody may open."""
    victim = tmp_path / "outside" / "victim.h5"
    victim.parent.mkdir()
    victim.write_bytes(of(weights=np.ones((40, 44), np.float32)))
    with watch(victim.parent) as canary:
        yield victim, canary


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(outside: tuple[Path, Canary], tmp_path: Path, name: str) -> None:
    victim, canary = outside
    change, reason = HOSTILE[name]
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "a.h5"
    with h5py.File(path, "w") as file:
        change(file, victim)
    data = path.read_bytes()
    canary.sang()
    with pytest.raises(
        SourceError, match=rf"^there/a\.h5: dataset weights.*({reason}).*replace the file"
    ) as error:
        read(data)
    assert "\n" not in str(error.value)
    with (
        pytest.raises(SourceError, match=r"^there/a\.h5: dataset weights"),
        open_hdf5(data, "there/a.h5") as opened,
    ):
        opened.text("weights")
    assert not canary.sang()


@pytest.mark.parametrize("name", ["external storage", "external link", "virtual dataset"])
def test_the_canary_sings(outside: tuple[Path, Canary], tmp_path: Path, name: str) -> None:
    """Who reads such a file as usual opens the other one, and the test above would tell."""
    victim, canary = outside
    with h5py.File(tmp_path / "a.h5", "w") as file:
        HOSTILE[name][0](file, victim)
    canary.sang()
    with h5py.File(tmp_path / "a.h5") as file:
        file["weights"][()]
    assert canary.sang()


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

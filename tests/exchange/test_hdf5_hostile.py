"""Hostile HDF5 files: refused in one line, with nothing else opened."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t

from neuralviews.errors import SourceError
from neuralviews.exchange.hdf5 import open_hdf5

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
from .hdf5_files import of, read


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

"""HDF5 files of others, read in all honest layouts, and ours."""

import io
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t

from neuralviews.exchange.hdf5 import hdf5_bytes, open_hdf5

from .hdf5_files import LAYOUTS, made, of, read, weights


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

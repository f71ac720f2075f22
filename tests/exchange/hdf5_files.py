"""HDF5 files as others write them, and as nobody honest does, for tests of what reads them."""

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neuralviews.exchange.hdf5 import open_hdf5

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
"""The ways in which honest programs keep a dataset of shape (40, 44)."""


def made(fill: Callable[[h5py.File], object], **options: Any) -> bytes:
    """The bytes of a file that a function filled."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def of(**datasets: Any) -> bytes:
    """A file with these datasets, in the way that most programs write them."""

    def fill(file: h5py.File) -> None:
        for name, value in datasets.items():
            if isinstance(value, list):
                file.create_dataset(name, (len(value),), h5py.string_dtype())[:] = value
            else:
                file[name] = value

    return made(fill)


def weights(dtype: str = "<f4") -> NDArray[Any]:
    """An array (40, 44) of random numbers."""
    return np.random.default_rng(1).normal(0, 0.1, (40, 44)).astype(dtype)


def read(data: bytes, name: str = "weights") -> NDArray[Any]:
    """A dataset as neuralviews reads it."""
    with open_hdf5(data, "there/a.h5") as file:
        return file.array(name)

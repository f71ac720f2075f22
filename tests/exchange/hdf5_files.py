"""HDF5 files as others write them, and as nobody honest does, for tests of what reads them."""

import io
from collections.abc import Callable
from typing import Any

import h5py


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

"""Stacked fields as other people might keep them, in files of either format."""

import io
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

Arrays = Mapping[str, NDArray[Any]]

DIMS = (2, 5, 4, 3)


def npz_bytes(arrays: Arrays, **more: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, **more})
    return buffer.getvalue()


def safetensors_bytes(arrays: Arrays, **more: str) -> bytes:
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, more or None)


WRITERS: Mapping[str, Callable[..., bytes]] = {"npz": npz_bytes, "safetensors": safetensors_bytes}
BOTH = pytest.mark.parametrize("format", WRITERS)
"""For tests of what both formats share."""


def layer_arrays(count: int = 6, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Fields 2-5-4-3 with random weights."""
    stream = np.random.default_rng(seed)
    arrays: dict[str, NDArray[Any]] = {}
    for i, (before, after) in enumerate(pairwise(DIMS)):
        arrays[f"layers.{i}.weight"] = stream.normal(0, 0.3, (count, after, before)).astype(np.float32)
        arrays[f"layers.{i}.bias"] = stream.normal(0, 0.3, (count, after)).astype(np.float32)
    return arrays


def joined(arrays: Arrays) -> NDArray[np.float32]:
    """Their vectors (n, P), one layer after another, weight before bias."""
    parts = [arrays[f"layers.{i}.{kind}"] for i in range(3) for kind in ("weight", "bias")]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def put(root: Path, format: str, arrays: Arrays, name: str = "mine", **more: Any) -> Path:
    """A file of a format."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{name}.{format}"
    path.write_bytes(WRITERS[format](arrays, **more))
    return path

"""Sets of small fields as Fit-a-NeF published its own."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec

from .by_hand import Layers, made_layers, write
from .hdf5_files import of

DIMS = (2, 6, 6, 1)
SPEC = FieldSpec(DIMS, 8.0)
NEF = {"name": "SIREN", "params": {"hidden_dim": 6, "num_layers": 3, "omega_0": 8.0, "output_dim": 1}}


def config(dims: Sequence[int]) -> str:
    """The list of arrays as their writer makes it."""
    names = [*(f"kernel_net_{i}.linear" for i in range(len(dims) - 2)), "output_linear"]
    shapes = [[[after], [before, after]] for before, after in pairwise(dims)]
    kinds = ("bias", "kernel")
    return json.dumps(
        [
            [f"{name}.{kind}", shape]
            for name, pair in zip(names, shapes, strict=True)
            for kind, shape in zip(kinds, pair, strict=True)
        ]
    )


def vector(layers: Layers) -> NDArray[np.float32]:
    """Of each layer the bias, then the kernel."""
    return np.concatenate([part.numpy().reshape(-1) for w, b in layers for part in (b, w.T)])


def nefs(start: int, stop: int, dims: Sequence[int] = DIMS, **more: Any) -> bytes:
    params = np.stack([vector(made_layers(dims, number)) for number in range(start, stop)])
    labels = np.arange(start, stop) % 10
    return of(**{"params": params, "param_config": [config(dims)], "labels": labels, **more})


def published(
    root: Path,
    ranges: Sequence[tuple[int, int]] = ((0, 3), (3, 5)),
    name: str = "MNIST",
    dims: Sequence[int] = DIMS,
) -> Path:
    files: dict[str, Any] = {
        f"{name}/SIREN/nefs_{start}-{stop}.hdf5": nefs(start, stop, dims) for start, stop in ranges
    }
    return write(root, {**files, f"{name}/SIREN/nef.json": json.dumps(NEF).encode()})

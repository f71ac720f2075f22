"""SIRENs as the programs of others evaluate them, in torch and apart from neuralviews."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuralviews.exchange.torch_contents import Contents

Layers = Sequence[tuple[torch.Tensor, torch.Tensor]]


def siren(layers: Layers, points: torch.Tensor, omega: float = 30.0, offset: float = 0.0) -> torch.Tensor:
    """Values (n, c) at points (n, d), with weights (out, in), in double precision."""
    h = points.double()
    for weight, bias in layers[:-1]:
        h = torch.sin(omega * (h @ weight.double().T + bias.double()))
    weight, bias = layers[-1]
    return h @ weight.double().T + bias.double() + offset


def grid(height: int, width: int, order: str) -> torch.Tensor:
    """Coordinates (height * width, 2) of pixels, row by row: (column, row) for xy, (row, column) for ij."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack((x, y) if order == "xy" else (y, x), dim=-1).reshape(-1, 2)


def loaded(path: Path) -> Any:
    """What most programs do with a file; nothing but tensors and plain values is in it."""
    return torch.load(path, map_location="cpu", weights_only=True)


def in_order(state: Mapping[str, Any]) -> Layers:
    """Weights and biases in the order in which a table has them, told apart by their names."""
    weights = [value for name, value in state.items() if "weight" in name]
    biases = [value for name, value in state.items() if "bias" in name]
    return list(zip(weights, biases, strict=True))


def made_layers(dims: Sequence[int], seed: int) -> Layers:
    """A network with random weights."""
    stream = np.random.default_rng(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.from_numpy(stream.normal(0, 0.3, shape).astype(np.float32))

    return [(drawn(after, before), drawn(after)) for before, after in pairwise(dims)]


def sequential(layers: Layers, **more: Any) -> dict[str, Any]:
    """The state dict of a ``Sequential`` called ``seq``."""
    table: dict[str, Any] = {}
    for place, (weight, bias) in enumerate(layers):
        table |= {f"seq.{place}.weight": weight, f"seq.{place}.bias": bias}
    return table | more


def flat(layers: Layers) -> NDArray[np.float32]:
    """All numbers in the order of ``Module.parameters``."""
    return np.concatenate([part.numpy().reshape(-1) for pair in layers for part in pair])


def torch_bytes(value: Any, **options: Any) -> bytes:
    """What ``torch.save`` writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """The files in an archive of torch.save."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Mapping[str, bytes]) -> bytes:
    """An archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def same(found: Contents, table: Mapping[str, Any]) -> bool:
    """Whether a file was read as what was saved, tensors of the same types in the same order."""
    tensors = {name: value for name, value in table.items() if isinstance(value, torch.Tensor)}
    return (
        list(found.tensors) == list(tensors)
        and all(np.array_equal(found.tensors[name], value.numpy()) for name, value in tensors.items())
        and all(found.tensors[name].dtype == value.numpy().dtype for name, value in tensors.items())
        and {**found.others} == {name: value for name, value in table.items() if name not in tensors}
    )


def write(root: Path, files: Mapping[str, Any]) -> Path:
    """Files below a folder: bytes as they are, everything else by ``torch.save``."""
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value if isinstance(value, bytes) else torch_bytes(value))
    return root

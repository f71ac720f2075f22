"""The loop that people write today, as a baseline: one field at a time, autograd, `torch.optim.Adam`."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["naive_fit"]


class Siren(nn.Module):
    """A SIREN as in the released code of Sitzmann et al. (NeurIPS 2020): omega 30, output offset 0.5."""

    def __init__(self, dims: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(dims))
        with torch.no_grad():
            for index, layer in enumerate(self.layers):
                inputs = layer.in_features
                bound = 1 / inputs if index == 0 else math.sqrt(6 / inputs) / 30
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.sin(30 * layer(x))
        return self.layers[-1](x) + 0.5


def naive_fit(
    coords: NDArray[np.float32],
    values: NDArray[np.float32],
    dims: Sequence[int],
    steps: int,
    lr: float,
    seed: int,
    points: int | None = None,
) -> float:
    """Fit one field to values (p, c) at coordinates (p, d) on one thread; the PSNR in dB for a range of 1.

    Args:
        points: how many are drawn for each step, with replacement; None takes all in every step.
    """
    torch.set_num_threads(1)
    x, y = torch.tensor(coords), torch.tensor(values)
    generator = torch.Generator().manual_seed(seed)
    model = Siren(dims, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        # An index of all would copy all points in every step.
        drawn = slice(None) if points is None else torch.randint(len(x), (points,), generator=generator)
        loss = nn.functional.mse_loss(model(x[drawn]), y[drawn])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return -10 * math.log10(nn.functional.mse_loss(model(x), y).item())

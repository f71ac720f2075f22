"""Vectors learned one by one: positional embeddings of nodes that no symmetry exchanges."""

import torch
from torch import Tensor, nn

from .modules import draw_uniform

__all__ = ["Table"]


class Table(nn.Module):
    """A learned matrix (rows, features), uniform within 1 of 0 at first."""

    def __init__(self, rows: int, features: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(rows, features))

    def draw(self, generator: torch.Generator) -> None:
        """Draw all rows."""
        draw_uniform(self.rows, 1, generator)

    def forward(self) -> Tensor:
        """All rows, (rows, features)."""
        return self.rows

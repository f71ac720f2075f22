"""Records: weights and what is known of each row, the one currency that stages hand each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SpecError
from .field import FieldSpec

__all__ = ["COLUMNS", "NO_LABEL", "Records", "Split", "Status"]

NO_LABEL = -1


class Split(IntEnum):
    """Which part of the dataset an object belongs to; views of it never differ in this."""

    train = 0
    val = 1
    test = 2


class Status(IntEnum):
    """Why a fit stopped."""

    converged = 0  # the target PSNR was reached
    budget = 1  # all steps were run
    diverged = 2  # not finite, or below the floor, from every seed it was given


COLUMNS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "record_id": np.dtype("<u8"),
        "object_id": np.dtype("<u4"),
        "view": np.dtype("<u2"),
        "seed": np.dtype("<u8"),
        "label": np.dtype("<i4"),
        "split": np.dtype("u1"),
        "psnr": np.dtype("<f4"),
        "loss": np.dtype("<f4"),
        "steps": np.dtype("<u4"),
        "status": np.dtype("u1"),
    }
)
"""Columns that every store has, with their types on disk."""


@dataclass(frozen=True)
class Records:
    """Fitted fields that share a spec, one per row.

    Args:
        spec: the shape of every field.
        weights: (n, P) float32.
        columns: name -> (n,) array; names and dtypes are those of `COLUMNS`.
    Raises:
        SpecError: lengths, names or dtypes do not fit; the message names the array.
    """

    spec: FieldSpec
    weights: NDArray[np.float32]
    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        if self.weights.dtype != np.float32 or self.weights.shape[1:] != (self.spec.parameters,):
            raise SpecError(
                f"weights: found {self.weights.dtype} {self.weights.shape}, "
                f"expected float32 (n, {self.spec.parameters})"
            )
        if set(self.columns) != set(COLUMNS):
            raise SpecError(f"columns: found {sorted(self.columns)}, expected {sorted(COLUMNS)}")
        for name, column in self.columns.items():
            if column.dtype != COLUMNS[name] or column.shape != (len(self),):
                raise SpecError(
                    f"column {name}: found {column.dtype} {column.shape}, "
                    f"expected {COLUMNS[name]} ({len(self)},)"
                )

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "Records":
        """The chosen rows, in the order given."""
        return Records(
            self.spec, self.weights[rows], {name: column[rows] for name, column in self.columns.items()}
        )

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

__all__ = [
    "AUGMENTED_COLUMNS",
    "COLUMNS",
    "IMPORTED_COLUMNS",
    "NO_IOU",
    "NO_LABEL",
    "NO_PARENT",
    "REPAIRS",
    "SHADOW_COLUMNS",
    "SHAPE_COLUMNS",
    "WIDE_COLUMNS",
    "Records",
    "ShapeTarget",
    "Split",
    "Status",
    "split_named",
]

NO_LABEL = -1
"""The label of an object without one, and the class of an unused slot of a soft label."""
NO_PARENT = (1 << 64) - 1
"""The record_id of a parent that a copy does not have."""
NO_IOU = -1
"""The IoU of a field of a shape that has no inside to compare."""
REPAIRS = 5
"""How many repairs of a mesh are counted, one an entry of the column ``repairs``."""


class Split(IntEnum):
    """Which part of the dataset an object belongs to; views of it never differ in this."""

    train = 0
    val = 1
    test = 2


def split_named(split: Split | str) -> Split:
    """A split, given as such or by its name; a SpecError says which there are."""
    name = split.name if isinstance(split, Split) else split
    if not isinstance(name, str) or name not in Split.__members__:
        raise SpecError(f"split: found {split!r}, expected one of {', '.join(Split.__members__)}")
    return Split[name]


class Status(IntEnum):
    """Why a fit stopped; of an augmented copy, why it stopped or that it was rejected; of an imported field,
    that nobody stated it."""

    converged = 0  # the target PSNR was reached
    budget = 1  # all steps were run
    diverged = 2  # not finite, or below the floor, from every seed it was given; a copy: rejected, overflowed
    unknown = 3  # imported, and no publisher said


class ShapeTarget(IntEnum):
    """What a field of a shape was fitted to."""

    sdf = 0
    udf = 1
    occupancy = 2


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

AUGMENTED_COLUMNS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "parent_a": np.dtype("<u8"),
        "parent_b": np.dtype("<u8"),
        "pipeline": np.dtype("<u2"),
        "in_domain": np.dtype("<f4"),
        "psnr_before": np.dtype("<f4"),
        "classes": np.dtype("<i4"),
        "shares": np.dtype("<f4"),
        "params": np.dtype("<f4"),
    }
)
"""Columns that stores of augmented copies have beside `COLUMNS`; ``docs/format.md`` says what they mean."""

SHAPE_COLUMNS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "iou": np.dtype("<f4"),
        "surface_error": np.dtype("<f4"),
        "sign_disagreement": np.dtype("<f4"),
        "target": np.dtype("u1"),
        "repairs": np.dtype("<u4"),
    }
)
"""Columns that stores of fitted shapes have beside `COLUMNS`; ``docs/format.md`` says what they mean."""

SHADOW_COLUMNS: Mapping[str, np.dtype[Any]] = MappingProxyType({"shadow_psnr": np.dtype("<f4")})
"""Columns that stores of fields with a shadow have beside `COLUMNS`; see ``docs/format.md``."""

IMPORTED_COLUMNS: Mapping[str, np.dtype[Any]] = MappingProxyType({"attributes": np.dtype("<f4")})
"""Columns that stores of imported fields have beside `COLUMNS` if their publisher states numbers of each;
``docs/format.md`` says what they mean."""

WIDE_COLUMNS = ("classes", "shares", "params", "repairs", "attributes")
"""Columns of two dimensions, (n, m), (n, m), (n, k), (n, REPAIRS) and (n, a) with m, k, a >= 1."""

_KINDS = (
    COLUMNS,
    *({**COLUMNS, **more} for more in (SHAPE_COLUMNS, SHADOW_COLUMNS, AUGMENTED_COLUMNS, IMPORTED_COLUMNS)),
)
_TYPES = {name: dtype for columns in _KINDS for name, dtype in columns.items()}


@dataclass(frozen=True, eq=False)
class Records:
    """Fields that share a spec, one per row: fitted (of shapes or of anything else), imported, or copies.

    Args:
        spec: the shape of every field.
        weights: (n, P) float32.
        columns: name -> array, (n,) or wide; names and dtypes are those of `COLUMNS`, alone or with
            one of `SHAPE_COLUMNS`, `SHADOW_COLUMNS`, `AUGMENTED_COLUMNS` and `IMPORTED_COLUMNS`.
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
        if self.columns.keys() not in [columns.keys() for columns in _KINDS]:
            raise SpecError(
                f"columns: found {sorted(self.columns)}, expected {sorted(COLUMNS)}, of shapes also "
                f"{sorted(SHAPE_COLUMNS)}, with a shadow {sorted(SHADOW_COLUMNS)}, "
                f"in augmented records also {sorted(AUGMENTED_COLUMNS)}, "
                f"in imported ones perhaps {sorted(IMPORTED_COLUMNS)}"
            )
        for name, column in self.columns.items():
            wide = name in WIDE_COLUMNS
            fits = column.ndim == 1 + wide and len(column) == len(self) and 0 not in column.shape[1:]
            if column.dtype != _TYPES[name] or not fits:
                expected = f"{_TYPES[name]} ({len(self)},{' at least 1' if wide else ''})"
                raise SpecError(f"column {name}: found {column.dtype} {column.shape}, expected {expected}")
        if self.augmented and self.columns["shares"].shape != self.columns["classes"].shape:
            raise SpecError(
                f"column shares: found {self.columns['shares'].shape}, "
                f"expected {self.columns['classes'].shape} as of classes"
            )
        if self.shapes and self.columns["repairs"].shape[1] != REPAIRS:
            raise SpecError(
                f"column repairs: found {self.columns['repairs'].shape}, expected {(len(self), REPAIRS)}"
            )

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def augmented(self) -> bool:
        """Whether these are augmented copies, with the columns that say of what."""
        return "parent_a" in self.columns

    @property
    def shapes(self) -> bool:
        """Whether these are fitted fields of shapes, with the columns that say how true they are."""
        return "iou" in self.columns

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "Records":
        """The chosen rows, in the order given."""
        return Records(
            self.spec, self.weights[rows], {name: column[rows] for name, column in self.columns.items()}
        )

"""What the values of a column may be, whoever wrote them: proven when published, and when read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import NO_IOU, NO_LABEL, ShapeTarget, Split, Status
from .schema import IMPORT, MAX_LABEL, statuses

__all__ = ["RANGES", "UNKNOWABLE", "column_problem"]

_DECIBELS = (-1000, 999)  # 999 stands for a loss of 0; the largest float32 lies at -385 below any sane peak
_FINITE = float(np.finfo(np.float32).max)
_LABELS = (NO_LABEL, MAX_LABEL)

RANGES: Mapping[str, tuple[int | float, int | float]] = MappingProxyType(
    {
        "label": _LABELS,
        "split": (0, len(Split) - 1),
        "psnr": _DECIBELS,
        "loss": (0, _FINITE),
        "status": (0, len(Status) - 1),
        "in_domain": (0, 1),
        "psnr_before": _DECIBELS,
        "shadow_psnr": _DECIBELS,
        "classes": _LABELS,
        "shares": (0, 1),
        "params": (-_FINITE, _FINITE),
        "attributes": (-_FINITE, _FINITE),
        "iou": (NO_IOU, 1),
        "surface_error": (0, _FINITE),
        "sign_disagreement": (0, 1),
        "target": (0, len(ShapeTarget) - 1),
    }
)
"""The least and the largest value of columns that cannot have any value of their type; no NaN either, but
for `UNKNOWABLE`."""
UNKNOWABLE = ("psnr", "loss")
"""Columns in which NaN stands for what is not known of an imported record."""


def column_problem(
    name: str, column: NDArray[Any], rows: Sequence[int] | NDArray[Any], kind: str
) -> str | None:
    """Why a column, (n,) or wide, cannot be one of a store, or None.

    Args:
        rows: (n,) record_ids.
        kind: how the records came about.
    """
    if name in RANGES:
        low, high = (0, len(statuses(kind)) - 1) if name == "status" else RANGES[name]
        outside = ~((column >= low) & (column <= high))  # so that NaN is outside
        if kind == IMPORT and name in UNKNOWABLE:
            outside &= ~np.isnan(column)
        if outside.any():
            row, *slot = np.argwhere(outside)[0]
            found = column[(row, *slot)].item()
            return (
                f"{name} of record {rows[row]} is {_shown(found)}, expected {_shown(low)} to {_shown(high)}"
            )
    if name == "classes":
        ordered = np.sort(column, axis=1)
        twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_LABEL)).any(axis=1)
        if twice.any():
            return f"classes of record {rows[int(np.argmax(twice))]} name one twice"
    if name == "iou":
        between = (column < 0) & (column != NO_IOU)
        if between.any():
            row = int(np.argmax(between))
            return (
                f"iou of record {rows[row]} is {_shown(column[row].item())}, expected 0 to 1, or -1 for none"
            )
    return None


def _shown(number: int | float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"

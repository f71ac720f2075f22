"""The numbers that say how good records are: which of them a store is judged by, and how they are told."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from .wording import NO_ERROR, decibels

if TYPE_CHECKING:
    from ..store.manifest_schema import ShapeSummary
    from ..store.reader import Store

__all__ = ["IOU", "PSNR", "SURFACE_ERROR", "Measure", "measure_of", "shape_summary"]


@dataclass(frozen=True)
class Measure:
    """A column of numbers.

    Attributes:
        median: of the records of a store that have the number, which is at least ``low``; NaN if none has.
        text: a value with its unit.
        low, high: the least and the largest value.
        step: what two values differ by at least, if the difference matters.
        perfect: the value that stands for no error, if it lies apart from all others.
    """

    column: str
    name: str
    median: Callable[["Store"], float]
    text: Callable[[float], str]
    unit: str = ""
    low: float = 0.0
    high: float = math.inf
    step: float = 0.001
    perfect: float = math.inf

    def having(self, store: "Store") -> NDArray[np.bool_]:
        """Which records have the number."""
        return store.column(self.column) >= self.low


def shape_summary(store: "Store") -> "ShapeSummary | None":
    """What the manifest says of fitted shapes; None of other stores."""
    found = store.manifest.summary.shapes
    return None if isinstance(found, msgspec.UnsetType) else found


def measure_of(store: "Store") -> Measure:
    """IoU of shapes, the error at the surface where none of them has an inside, and PSNR of anything else."""
    shapes = shape_summary(store)
    if shapes is None:
        return PSNR
    return SURFACE_ERROR if isinstance(shapes.iou, msgspec.UnsetType) else IOU


def _median_psnr(store: "Store") -> float:
    psnr = store.manifest.summary.psnr
    return math.nan if isinstance(psnr, msgspec.UnsetType) else psnr.median


def _median_iou(store: "Store") -> float:
    shapes = shape_summary(store)
    assert shapes is not None
    assert not isinstance(shapes.iou, msgspec.UnsetType)
    return shapes.iou.median


def _median_error(store: "Store") -> float:
    shapes = shape_summary(store)
    assert shapes is not None
    return shapes.surface_error.median


PSNR = Measure(
    "psnr",
    "PSNR",
    _median_psnr,
    decibels,
    unit=" (dB)",
    low=-math.inf,
    step=0.05,
    perfect=NO_ERROR,
)
IOU = Measure("iou", "IoU", _median_iou, "{:.3f}".format, high=1.0)
SURFACE_ERROR = Measure("surface_error", "surface error", _median_error, "{:.4f}".format, step=0.0001)

"""Augmentations of neural fields in weight space, online and offline by the same code."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .align_to import AlignTo
    from .base import Augmentation
    from .compose import Compose
    from .geometry import AffineCoords, SdfScale
    from .labels import LabelSmoothing
    from .masking import Dropout, Masking, QuantileMasking
    from .mixup import AlignedMixUp, MixUp
    from .noise import GaussianNoise, MultiplicativeNoise
    from .output import AffineOutput
    from .repair import Repair
    from .self_mixup import SelfMixUp
    from .symmetry import Permutation, PhaseShift, RandomSymmetry, SignFlip

__all__ = [
    "AffineCoords",
    "AffineOutput",
    "AlignTo",
    "AlignedMixUp",
    "Augmentation",
    "Compose",
    "Dropout",
    "GaussianNoise",
    "LabelSmoothing",
    "Masking",
    "MixUp",
    "MultiplicativeNoise",
    "Permutation",
    "PhaseShift",
    "QuantileMasking",
    "RandomSymmetry",
    "Repair",
    "SdfScale",
    "SelfMixUp",
    "SignFlip",
]

_HOME = {
    "AffineCoords": "geometry",
    "AffineOutput": "output",
    "AlignTo": "align_to",
    "AlignedMixUp": "mixup",
    "Augmentation": "base",
    "Compose": "compose",
    "Dropout": "masking",
    "GaussianNoise": "noise",
    "LabelSmoothing": "labels",
    "Masking": "masking",
    "MixUp": "mixup",
    "MultiplicativeNoise": "noise",
    "Permutation": "symmetry",
    "PhaseShift": "symmetry",
    "QuantileMasking": "masking",
    "RandomSymmetry": "symmetry",
    "Repair": "repair",
    "SdfScale": "geometry",
    "SelfMixUp": "self_mixup",
    "SignFlip": "symmetry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'neuralviews.augment' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

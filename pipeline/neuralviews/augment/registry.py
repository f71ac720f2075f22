"""Augmentations by name: the table of all, and the way from a plan's table to an augmentation and back."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_type_hints

from ..errors import OptionError, PlanError
from .base import Augmentation

__all__ = ["OPERATIONS", "build", "describe", "operation", "operations"]

OPERATIONS = {
    "permutation": "symmetry:Permutation",
    "sign_flip": "symmetry:SignFlip",
    "phase_shift": "symmetry:PhaseShift",
    "random_symmetry": "symmetry:RandomSymmetry",
    "affine_coords": "geometry:AffineCoords",
    "sdf_scale": "geometry:SdfScale",
    "affine_output": "output:AffineOutput",
    "gaussian_noise": "noise:GaussianNoise",
    "multiplicative_noise": "noise:MultiplicativeNoise",
    "masking": "masking:Masking",
    "dropout": "masking:Dropout",
    "quantile_masking": "masking:QuantileMasking",
    "label_smoothing": "labels:LabelSmoothing",
    "mixup": "mixup:MixUp",
    "aligned_mixup": "mixup:AlignedMixUp",
    "self_mixup": "self_mixup:SelfMixUp",
    "align_to": "align_to:AlignTo",
    "repair": "repair:Repair",
}
"""Where each operation lives, in the order in which they are listed."""

_DEEPEST = 4
"""Operations may lie within so many others: every level works out all levels below it twice."""


@cache
def operation(name: str) -> type[Augmentation]:
    """The class of an operation.

    Raises:
        PlanError: there is none of this name; near names and all others are listed.
    """
    if name not in OPERATIONS:
        near = difflib.get_close_matches(name, OPERATIONS, n=1)
        hint = f"did you mean '{near[0]}'? There are" if near else "expected one of"
        raise PlanError(f"op: found '{name}'; {hint} {', '.join(OPERATIONS)}")
    module, _, attribute = OPERATIONS[name].partition(":")
    found: type[Augmentation] = getattr(importlib.import_module(f".{module}", __package__), attribute)
    return found


def operations() -> Iterator[type[Augmentation]]:
    """Every operation, in the order in which they are listed."""
    return map(operation, OPERATIONS)


def build(table: object, where: str, depth: int = 0) -> Augmentation:
    """The augmentation that a plan's table describes: ``op``, and any of its settings.

    Args:
        where: place of the table in the plan, for errors.
        depth: how many operations it lies within.
    Raises:
        PlanError: an unknown operation or setting (those allowed are named), or an impossible value.
    """
    if not isinstance(table, Mapping) or not isinstance(table.get("op"), str):
        raise PlanError(f'{where}: expected a table with the key op, such as {{ op = "sign_flip" }}')
    try:
        kind = operation(table["op"])
    except PlanError as error:
        raise PlanError(f"{where}.{error}") from None
    settings = {key: value for key, value in table.items() if key != "op"}
    types, known = get_type_hints(kind), fields(kind)  # type: ignore[arg-type]
    names = [field.name for field in known]
    values = {}
    for key, value in settings.items():
        if key not in names:
            allowed = f"it takes {', '.join(names)}" if names else "it takes none"
            raise PlanError(f"{where}: {table['op']} has no setting '{key}'; {allowed}")
        nested = types[key] == tuple[Augmentation, ...]
        values[key] = _build_all(value, f"{where}.{key}", depth + 1) if nested else value
    missing = [field.name for field in known if field.default is MISSING and field.name not in values]
    if missing:
        raise PlanError(f"{where}: {table['op']} lacks the setting '{missing[0]}', which has no default")
    try:
        return kind(**values)
    except OptionError as error:
        raise PlanError(f"{where}: {error}") from None


def describe(augmentation: Augmentation) -> dict[str, Any]:
    """The table that `build` reads, every setting stated, as plain JSON values."""
    table: dict[str, Any] = {"op": augmentation.name}
    for field in fields(augmentation):  # type: ignore[arg-type]
        table[field.name] = _plain(getattr(augmentation, field.name))
    return table


def _build_all(tables: object, where: str, depth: int) -> tuple[Augmentation, ...]:
    if depth > _DEEPEST:
        raise PlanError(
            f"{where}: found operations within {depth} others, expected at most {_DEEPEST}; nest fewer"
        )
    if not isinstance(tables, list):
        raise PlanError(f"{where}: expected a list of operations")
    return tuple(build(table, f"{where}[{index}]", depth) for index, table in enumerate(tables))


def _plain(value: Any) -> Any:
    if isinstance(value, Augmentation):
        return describe(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value

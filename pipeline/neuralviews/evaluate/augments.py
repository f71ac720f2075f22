"""Augmentations of training by name, as ``--augment`` takes them."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, PlanError

if TYPE_CHECKING:
    from ..augment.base import Augmentation
    from ..augment.compose import Compose

__all__ = ["NONE", "PRESETS", "augmentation", "augmentations", "described"]

NONE = "none"

PRESETS: dict[str, dict[str, Any]] = {
    "mixup": {"op": "mixup", "law": "uniform"},
    "mixup-perm": {"op": "mixup", "law": "uniform", "permute": True},
    "aligned-mixup": {"op": "aligned_mixup", "law": "uniform"},
    "phase-shift-unbounded": {"op": "phase_shift", "low": -4, "high": 3},
}
"""As published by Shamsian et al. (ICML 2024), with labels mixed like fields; aligned over permutation, sign
and phase. The last one is their "siren_bias". They go before operations and plans of these names."""

_IDLE = {
    "affine_coords": "what to rotate, scale, translate or flip by",
    "affine_output": "what to change brightness, contrast or colours by",
}


def augmentation(name: str) -> "Compose | None":
    """The augmentation called ``name``; None for ``none``.

    A preset; an operation of `augment.registry` at its defaults, with hyphens or underscores; a plan that
    comes along, or the path of a TOML file, with exactly one pipeline; or several of these joined by ``+``,
    one after the other. Of a plan only the steps are taken: training draws copies anew all the time.

    Raises:
        OptionError: none of these, or more than one step that mixes.
        PlanError: a plan that cannot be used, or has several pipelines.
    """
    from ..augment.compose import Compose

    if name == NONE:
        return None
    whole = name.endswith(".toml") and ("+" not in name or Path(name).is_file())
    parts = [name] if whole else name.split("+")
    if NONE in parts:
        raise OptionError(f"augment: found {name!r}; 'none' stands alone, leave it out of what is joined")
    return Compose([step for part in parts for step in _steps(part)])


def augmentations(names: Sequence[str]) -> "dict[str, Compose | None]":
    """Each by its name, as `augmentation` reads it.

    Raises:
        OptionError, PlanError: as there; or two names of the same steps.
    """
    found = {name: augmentation(name) for name in names}
    known: list[str] = []
    for name in found:
        same = next((other for other in known if described(found[other]) == described(found[name])), None)
        if same is not None:
            raise OptionError(f"augment: found {same!r} and {name!r}, which are the same; give one of them")
        known.append(name)
    return found


def described(steps: "Compose | None") -> list[dict[str, Any]]:
    """Its steps as plain JSON values, every setting stated."""
    from ..augment.registry import describe

    return [] if steps is None else [describe(step) for step in steps.steps]


def _steps(name: str) -> "tuple[Augmentation, ...]":
    from ..augment.plan import load_plan, plan_names
    from ..augment.registry import OPERATIONS, build

    operation, preset = name.replace("-", "_"), name.replace("_", "-")
    if operation in _IDLE:
        raise OptionError(
            f"augment: found {name!r}, which changes nothing at its defaults; write a plan that sets "
            f"{_IDLE[operation]}, as a TOML file"
        )
    if preset in PRESETS or operation in OPERATIONS:
        return (build(PRESETS.get(preset, {"op": operation}), f"augment {name}"),)
    if not (name in plan_names() or name.endswith(".toml") or "/" in name):
        raise OptionError(_unknown(name))
    pipelines = load_plan(name).pipelines
    if len(pipelines) != 1:
        raise PlanError(
            f"augment {name}: found a plan of {len(pipelines)} pipelines, expected exactly one; "
            "put the one that is meant into a TOML file of its own"
        )
    return pipelines[0].steps.steps


def _unknown(name: str) -> str:
    import difflib

    from ..augment.plan import load_plan, plan_names
    from ..augment.registry import OPERATIONS

    usable = [name.replace("_", "-") for name in OPERATIONS if name not in _IDLE and not _lacks(name)]
    plans = [plan for plan in plan_names() if len(load_plan(plan).pipelines) == 1]
    known = list(dict.fromkeys([NONE, *PRESETS, *usable, *plans]))
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}, or a TOML file"
    return f"augment: found {name!r}; {hint}"


def _lacks(name: str) -> bool:
    """Whether an operation has a setting without a default, which a name alone does not give."""
    from ..augment.registry import operation

    return any(field.default is MISSING for field in fields(operation(name)))  # type: ignore[arg-type]

"""Conditions: what one run of training differs by from the others of an evaluation."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal, get_args

from ..errors import OptionError

__all__ = [
    "MOST_SEEDS",
    "Condition",
    "Partners",
    "Reweight",
    "Task",
    "grid",
    "without_idle_partners",
    "without_same_partners",
]

MOST_SEEDS = 1000
"""Repetitions of a condition, at most."""

Task = Literal["classify", "contrastive"]
"""Train a reader on labels; or on pairs of augmented views without labels, and probe its features."""

Reweight = Literal["none", "multiplicative"]
"""All records count alike; or see `reweighting`."""

Partners = Literal["active", "all"]
"""Whom MixUp mixes a field with: the fields that are trained on; or, as the released code of Shamsian et al.
did, also views and objects that are held back: all of the training split. It measures what that leak gave."""


@dataclass(frozen=True)
class Condition:
    """One run.

    Args:
        reader: its name.
        views: n, the first n views of each object are trained on.
        augment: as `augments.augmentation` reads it.
        objects: how many objects are trained on; None for all of the training split.
        label_noise: share of the objects trained on whose label is wrong.
        reweight, partners: see there.
        damp: deviation of the multiplicative noise on the reader's weights; 0 for none.
        seed: number of the repetition, from 0.
    """

    reader: str
    views: int
    augment: str = "none"
    objects: int | None = None
    label_noise: float = 0.0
    reweight: Reweight = "none"
    damp: float = 0.0
    partners: Partners = "active"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, sound, expected in (
            ("views", self.views, self.views >= 1, "1 or more"),
            ("objects", self.objects, self.objects is None or self.objects >= 1, "1 or more"),
            ("label noise", self.label_noise, 0 <= self.label_noise < 1, "a share from 0 to below 1"),
            ("reweight", self.reweight, self.reweight in get_args(Reweight), " or ".join(get_args(Reweight))),
            ("damp", self.damp, 0 <= self.damp < float("inf"), "a deviation of 0 or more"),
            ("partners", self.partners, self.partners in get_args(Partners), "active or all"),
        ):
            if not sound:
                raise OptionError(f"{name}: found {value!r}, expected {expected}")
        if self.partners == "all" and (self.reweight != "none" or self.label_noise):
            raise OptionError(
                "partners: found 'all', whose records beyond those trained on have neither a weight nor a "
                "wrong label; expected 'active' together with label noise or reweighting"
            )

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def grid(**choices: Sequence[Any]) -> tuple[Condition, ...]:
    """Every combination of what is given for each field of `Condition`; later fields vary fastest.

    Raises:
        OptionError: an empty or repeated choice, or a condition that cannot be.
    """
    for name, values in choices.items():
        told = name.replace("_", " ")
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise OptionError(f"{told}: found {values!r}, expected one or several in a tuple: ({values!r},)")
        if not values or len({*values}) != len(values):
            found = ", ".join("all" if one is None else str(one) for one in values) or "nothing"
            raise OptionError(f"{told}: found {found}; give one or more, each once")
    return tuple(
        Condition(**dict(zip(choices, values, strict=True))) for values in product(*choices.values())
    )


def without_idle_partners(conditions: Sequence[Condition], mixing: Collection[str]) -> tuple[Condition, ...]:
    """The same, each once, with partners 'active' where nothing is mixed: with 'all' it is the same run.

    Args:
        mixing: names of the augmentations under which something is mixed.
    Raises:
        OptionError: partners 'all' where none of the conditions mixes.
    """
    asked = [one for one in conditions if one.partners == "all"]
    if asked and not any(one.augment in mixing for one in asked):
        raise OptionError(
            "partners: found 'all', but no augmentation that was asked for mixes fields, so that it would "
            "change nothing; leave it out, or take one that mixes, such as 'mixup'"
        )
    found = (one if one.augment in mixing else replace(one, partners="active") for one in conditions)
    return tuple(dict.fromkeys(found))


def without_same_partners(
    conditions: Sequence[Condition], whole: Collection[tuple[int, int | None]]
) -> tuple[Condition, ...]:
    """The same, without partners 'all' where nothing is held back and 'active' is there too: the same run.

    Args:
        whole: views and objects that are all of the training split.
    """
    there = {*conditions}
    return tuple(
        one
        for one in conditions
        if one.partners == "active"
        or (one.views, one.objects) not in whole
        or replace(one, partners="active") not in there
    )

"""What is measured: the stores, and one evaluation after another, the most wanted ones first."""

from dataclasses import dataclass, field
from typing import Any

from .inits import INITS

__all__ = ["ALIGNED", "GRIDS", "STORES", "Grid", "Made"]

SEEDS = 5
"""Repetitions, but where training is long."""


@dataclass(frozen=True)
class Made:
    """A store: a recipe of this folder or one that comes along, and what is asked of it beyond.

    Args:
        fit: what `Recipe.with_fit` changes.
    """

    recipe: str
    limit: int | None = None
    views: int | None = None
    fit: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """One evaluation.

    Args:
        stores: each is evaluated alike.
        choices: arguments of `evaluate_store`.
        steps, batch: of all its runs.
        seeds: how often each is made.
    """

    stores: tuple[str, ...]
    choices: dict[str, Any]
    steps: int = 1000
    batch: int = 128
    seeds: int = SEEDS


def sine(stores: tuple[str, ...], steps: int = 300, seeds: int = SEEDS, **choices: Any) -> Grid:
    """Of the reader sine-graph, which has learned what it can in fewer steps."""
    return Grid(stores, {"readers": ("sine-graph",), **choices}, steps, seeds=seeds)


def dws(stores: tuple[str, ...], steps: int = 1000, seeds: int = SEEDS, **choices: Any) -> Grid:
    """Of the reader dws."""
    return Grid(stores, {"readers": ("dws",), **choices}, steps, seeds=seeds)


DIGITS = ("digits10-dws", "digits10-siren", "digits10-shared")
MNIST = ("mnist10-dws", "mnist10-siren")
VIEWS = {"views": (1, 2, 5, 10)}
MIXED = {"views": (1, 10), "augments": ("none", "mixup", "aligned-mixup")}
EXACT = ("none", "permutation", "sign-flip", "phase-shift", "phase-shift-unbounded")

STORES = {
    **{name: Made(f"{name}.toml") for name in DIGITS},
    **{name: Made(f"{name}.toml", limit=6000) for name in MNIST},
    "mnist10-shared": Made("mnist10-shared.toml", limit=6000, views=2),
    "mnist-dws": Made("mnist-dws", limit=12_000),
    "mnist": Made("mnist", limit=12_000),
    "digits-plain": Made("digits", limit=600),
    "digits-damp": Made("digits", limit=600, fit={"robust": {"kind": "damp", "sigma": 0.02}}),
    "digits-scope": Made("digits", limit=600, fit={"scope": {"kind": "pilot"}}),
    "digits-int8": Made("digits", limit=600, fit={"shadow": "int8"}),
}
ALIGNED = {"digits10-siren-aligned": "digits10-siren"}
"""Stores brought next to the mean of another."""
METHODS = ("digits-plain", "digits-damp", "digits-scope", "digits-int8")

GRIDS = {
    "views": dws(DIGITS[:1], **VIEWS),
    "mixing": dws(DIGITS[:1], **MIXED),
    "sine-views": sine(DIGITS, **VIEWS),
    "siren-mixing": dws(DIGITS[1:2], **MIXED),
    "mnist-views": dws(MNIST[:1], **VIEWS),
    "mnist-sine-views": sine(MNIST, 600, **VIEWS),
    "mnist-mixing": dws(MNIST[:1], **MIXED),
    "inits": dws(INITS, views=(10,)),
    "sine-inits": sine(INITS, views=(10,)),
    "aligned": dws(tuple(ALIGNED), views=(1, 10)),
    "readers": Grid(DIGITS, {"readers": ("mlp", "mlp-aligned", "pixels"), "views": (1, 10)}),
    "shared": dws(DIGITS[2:], views=(1, 10)),
    "sine-mixing": sine(DIGITS[:2], **MIXED),
    "sine-methods": sine(METHODS, views=(2,)),
    "methods": Grid(METHODS, {"readers": ("mlp-aligned",), "views": (2,)}),
    "sine-noise": sine(DIGITS[1:2], views=(10,), label_noise=(0.4,), reweight=("none", "multiplicative")),
    "noise": dws(DIGITS[:1], views=(10,), label_noise=(0.4,), reweight=("none", "multiplicative")),
    "contrastive": sine(
        DIGITS[1:2],
        task="contrastive",
        views=(10,),
        augments=("none", "symmetries", "contrastive", "contrastive+aligned-mixup"),
    ),
    "contrastive-one": sine(
        DIGITS[1:2],
        task="contrastive",
        views=(1,),
        augments=("symmetries", "contrastive", "contrastive+aligned-mixup"),
    ),
    "mlp-noise": Grid(
        DIGITS[2:],
        {
            "readers": ("mlp",),
            "views": (10,),
            "label_noise": (0.4,),
            "reweight": ("none", "multiplicative"),
        },
    ),
    "leak": dws(DIGITS[:1], views=(1,), augments=("mixup",), partners=("active", "all")),
    "exact": dws(DIGITS[:1], views=(10,), augments=EXACT),
    "sine-objects": sine(DIGITS[1:2], views=(1, 2, 10), objects=(129, 258, None)),
    "objects": dws(DIGITS[:1], views=(1, 10), objects=(129, None)),
    "reference": Grid(("mnist-dws", "mnist"), {"readers": ("mlp", "dws"), "views": (1,)}),
    "sine-reference": sine(("mnist-dws", "mnist"), 600, views=(1,)),
    "mnist-shared": Grid(("mnist10-shared",), {"readers": ("mlp", "mlp-aligned"), "views": (1,)}),
    "damp": dws(DIGITS[:1], views=(10,), damp=(0.0, 0.1)),
    "mnist-siren": dws(MNIST[1:], views=(1, 10)),
    "mnist-long": sine(MNIST, 3000, views=(10,), augments=("none", "aligned-mixup"), seeds=3),
    "long": dws(DIGITS[:1], 3000, **{**MIXED, "views": (10,)}),
    "graph": Grid(DIGITS[:1], {"readers": ("graph", "nfn"), "views": (1, 10)}),
    "mnist-readers": Grid(MNIST, {"readers": ("mlp", "mlp-aligned", "pixels"), "views": (10,)}),
    "mnist-sine-mixing": sine(MNIST, 600, **MIXED),
    "siren-long": dws(DIGITS[1:2], 3000, views=(1, 10), seeds=3),
    "graph-long": Grid(DIGITS[:1], {"readers": ("graph", "nfn"), "views": (10,)}, 3000, seeds=3),
    "longest": dws(DIGITS[:1], 10_000, **{**MIXED, "views": (10,)}, seeds=3),
}

"""Proof that records are those of a recipe, in whatever form they were published: some are fitted again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError, IntegrityError, OptionError
from ..recipe import Recipe
from ..records import NO_LABEL, Records, Split
from ..signals.catalogue import Source, open_source
from ..store.job import differences
from .engine import Engine
from .facts import field_facts
from .job import GENERATOR, budget_of
from .numbering import places_of, run_rows
from .pilot import with_stated_numbers
from .registry import engine_of_job, get_engine
from .reproduce import rendered_quality
from .rows import RowFitter
from .stated import stated_job

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["PSNR_TOLERANCE", "WEIGHT_TOLERANCE", "Proof", "prove_against"]

WEIGHT_TOLERANCE = 0.05
"""Distance of weights over their norm that fits of one seed by different engines may have: 0.007 was the most
found; fits of different seeds are more than 1 apart."""
PSNR_TOLERANCE = 0.1
"""dB that such fits may differ by: 0.005 was the most found."""

_SHOWN = 3


@dataclass(frozen=True)
class Proof:
    """What was fitted again.

    Attributes:
        records: how many; ``equal``: how many of these have the same weights to the byte.
        distance: the largest distance of weights, over their norm.
        psnr: the largest difference in dB, of the fields as they are rendered and as the store states it.
        engine: that fitted them.
    """

    records: int
    equal: int
    distance: float
    psnr: float
    engine: str


def prove_against(
    store: "Store",
    recipe: Recipe,
    source_root: Path | None,
    rows: NDArray[np.int64],
    device: str | None = None,
) -> Proof:
    """Fit records again as a recipe has it, and compare them: objects, labels, splits, and weights.

    Weights must be the same to the byte where the store states the engine's very arithmetic; else they may
    differ by `WEIGHT_TOLERANCE`, and the PSNRs of what they render by `PSNR_TOLERANCE`: weights alone hardly
    tell a fit from one that went on for longer. PSNRs that the store states, if they are of the same measure,
    may differ by as much.

    Args:
        recipe: read from a file or by name: the store's own word is not enough, but for the numbers of a
            pilot, which the recipe leaves open.
        rows: (k,) record_ids.
    Raises:
        OptionError: the records are augmented copies.
        IntegrityError: the fields are not those of the recipe; names the first record and what differs.
        SourceError: the source cannot be used.
        EngineError: the store was made by numbers that this neuralviews does not have.
    """
    if store.kind == "augment":
        raise OptionError(
            f"{store.root}: holds augmented copies, which no recipe makes; "
            "verify the store they were made from"
        )
    views = int(store.column("view").max()) + 1
    recipe = recipe.with_views(views)
    if (stated := field_facts(store).recipe) is not None:
        recipe = with_stated_numbers(recipe, stated)
    _require_same_recipe(store, recipe)
    source = open_source(recipe, source_root, left_out=_left_out(store, recipe))
    kept = store.read(rows)
    numbers = _numbers(store, kept, source, views)
    engine, exact = _engine(store, recipe, source, device)
    made = RowFitter(recipe, source, source.objects, engine).fit(numbers.tolist())
    apart = np.fmax(_stated_apart(store, kept, made), _rendered_apart(recipe, source, kept, made))
    return _compared(store, kept, made, apart, engine, exact)


def _require_same_recipe(store: "Store", recipe: Recipe) -> None:
    """Refuse a store that states another recipe, or whose fields are of another shape."""
    for difference in differences(store.spec.to_json(), recipe.spec.to_json()):
        raise IntegrityError(
            f"{store.root}: its fields are not those of recipe {recipe.name} (arch.{difference})"
        )
    stated = field_facts(store).recipe
    if stated is None:
        return
    found, wanted = (dict(one.canonical()) for one in (stated, recipe))
    found["views"] = wanted["views"]  # of a store with fewer views, the others are missing, not different
    where = list(differences(found, wanted))
    if where:
        more = f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
        raise IntegrityError(
            f"{store.root}: was not made by recipe {recipe.name} ({', '.join(where[:_SHOWN])}{more})"
        )


def _left_out(store: "Store", recipe: Recipe) -> Mapping[str, str] | None:
    if recipe.shape is None:
        return None
    return stated_job(store).source.left_out if field_facts(store).recipe is not None else {}


def _numbers(store: "Store", kept: Records, source: Source, views: int) -> NDArray[np.int64]:
    """The row of each record in a store of all objects and views; what names alone can prove is compared."""
    objects, columns = source.objects, kept.columns
    place = places_of(columns["object_id"], objects)
    expected = {name: getattr(objects, name)[place] for name in ("object_id", "label", "split")}
    for name, wanted in expected.items():
        differs = columns[name] != wanted
        if name != "object_id":
            differs &= _is_known(store, name, columns[name])
        if differs.any():
            row = int(np.argmax(differs))
            stated, has = (_shown(name, column[row]) for column in (columns[name], wanted))
            raise IntegrityError(
                f"{store.root}: record {columns['record_id'][row]} states {name} {stated}, the recipe's "
                f"source has {has}: the records are of another source, or numbered or split otherwise"
            )
    return run_rows(kept, objects, views)


def _shown(name: str, value: "np.integer[Any]") -> str:
    return Split(int(value)).name if name == "split" else str(value)


def _is_known(store: "Store", name: str, column: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Of which records somebody stated the value."""
    if store.kind != "import":
        return np.ones(len(column), np.bool_)
    stated: NDArray[np.bool_] = column != NO_LABEL
    return stated & (name in store.made_by.get("known", ()))


def _engine(store: "Store", recipe: Recipe, source: Source, device: str | None) -> tuple[Engine, bool]:
    """The engine that fits, and whether it must give the very bytes."""
    if field_facts(store).recipe is None:
        return get_engine("auto", recipe.spec, budget_of(recipe), device), False
    job = stated_job(store)
    if job.generator != GENERATOR:
        raise EngineError(
            f"{store.root}: made by generator {job.generator}, this neuralviews has {GENERATOR}: "
            "other numbers make other fields; verify it with the neuralviews that made the store"
        )
    name = str(job.arithmetic["engine"])
    try:
        engine = engine_of_job(name, recipe.spec, budget_of(recipe), device)
    except EngineError:
        engine = get_engine("auto", recipe.spec, budget_of(recipe), device)
    same = dict(engine.arithmetic) == job.arithmetic and dict(source.tools) == job.source.tools
    return engine, same


def _stated_apart(store: "Store", kept: Records, made: Records) -> NDArray[np.float64]:
    """How far the PSNRs that a store states are from those found, in dB; NaN where it states none."""
    if store.kind == "import" and store.made_by.get("quality") != "measured":
        return np.full(len(kept), np.nan)  # a publisher's own may be of another measure
    apart: NDArray[np.float64] = np.abs(kept.columns["psnr"].astype(np.float64) - made.columns["psnr"])
    return apart


def _rendered_apart(recipe: Recipe, source: Source, kept: Records, made: Records) -> NDArray[np.float64]:
    """How far the PSNRs that the fields really have are from those found, in dB."""
    apart = np.zeros(len(kept))
    for row in np.flatnonzero(~_same(kept, made)).tolist():
        signal = source.signal(int(kept.columns["object_id"][row]))
        found = [rendered_quality(recipe, part.weights[row], signal)[1] for part in (kept, made)]
        apart[row] = abs(found[0] - found[1])
    return apart


def _same(kept: Records, made: Records) -> NDArray[np.bool_]:
    """Which fields have the same weights to the byte."""
    same: NDArray[np.bool_] = (kept.weights.view(np.uint32) == made.weights.view(np.uint32)).all(axis=1)
    return same


def _compared(
    store: "Store", kept: Records, made: Records, apart: NDArray[np.float64], engine: Engine, exact: bool
) -> Proof:
    same = _same(kept, made)
    norm = np.linalg.norm(made.weights.astype(np.float64), axis=1)
    distance = np.linalg.norm(kept.weights.astype(np.float64) - made.weights, axis=1)
    distance /= np.maximum(norm, 1e-30)
    for row in range(len(kept)):
        problem = _difference(bool(same[row]), float(distance[row]), float(apart[row]), exact)
        if problem is not None:
            raise IntegrityError(
                f"{store.root}: record {kept.columns['record_id'][row]} {problem}: it is not what this "
                f"recipe makes of this source (engine {engine.name})"
            )
    return Proof(len(kept), int(same.sum()), float(distance.max()), float(apart.max()), engine.name)


def _difference(same: bool, distance: float, psnr: float, exact: bool) -> str | None:
    if exact and not same:
        return f"came out different when fitted again, its weights {distance:.2g} of their norm apart"
    if not distance <= WEIGHT_TOLERANCE:
        return f"came out {distance:.2g} of its norm apart, at most {WEIGHT_TOLERANCE:g} is allowed"
    if not psnr <= PSNR_TOLERANCE:
        return f"came out {psnr:.2f} dB apart, at most {PSNR_TOLERANCE:g} is allowed"
    return None

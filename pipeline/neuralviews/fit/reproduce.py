"""Proof that a store is what its recipe makes: PSNRs measured again, and records fitted again to the byte."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError, IntegrityError, SourceError
from ..field import evaluate
from ..signals.catalogue import Source, open_source
from ..store.reader import Store
from .job import GENERATOR, budget_of, recipe_of
from .registry import get_engine
from .rows import RowFitter

__all__ = ["Remeasured", "open_store_source", "regenerate", "remeasure", "spread_rows"]

_RMS_RELATIVE = 1e-3
_RMS_ABSOLUTE = 1e-5
_NOT_FINITE = np.finfo(np.float32).max  # what stands for a loss that is not a float32


@dataclass(frozen=True)
class Remeasured:
    """What a check covered: how many records, and the largest difference found, in dB."""

    records: int
    largest_difference: float


def spread_rows(total: int, count: int) -> NDArray[np.int64]:
    """``count`` record numbers spread evenly over a store, first and last included, or all of them."""
    if count >= total:
        return np.arange(total)
    return np.unique(np.linspace(0, total - 1, count).round().astype(np.int64))


def open_store_source(store: Store, source_root: Path | None) -> Source:
    """Open the source that a store was made from.

    Raises:
        SourceError: its files are missing or are not those whose hashes the store states.
    """
    source = open_source(recipe_of(store.job), source_root)
    stated = store.job["source"]["files"]
    for name in sorted({*stated, *source.files}):
        if stated.get(name) != source.files.get(name):
            raise SourceError(
                f"source file {name}: found sha256 {source.files.get(name, 'no such file')}, "
                f"expected {stated.get(name, 'no such file')}: give the files that {store.root} was made from"
            )
    return source


def remeasure(store: Store, source: Source, rows: NDArray[np.int64]) -> Remeasured:
    """Render records in float64 and compare with their stored loss, against the source.

    The root mean squared error may differ by what float32 rendering costs: 1e-5 of the target range and
    a thousandth of itself. Records whose loss was not finite have nothing to compare.

    Raises:
        IntegrityError: a record's stored quality is not that of its weights; names the record.
    """
    recipe = recipe_of(store.job)
    low, high = recipe.target.range
    records = store.read(rows)
    largest = 0.0
    for i, row in enumerate(rows.tolist()):
        signal = source.signal(int(records.columns["object_id"][i]))
        errors = evaluate(store.spec, records.weights[i], signal.coords) - signal.values
        found, stated = float(np.sqrt(np.mean(errors**2))), float(np.sqrt(records.columns["loss"][i]))
        psnr = 20 * np.log10((high - low) / max(found, 1e-50))
        if records.columns["loss"][i] == _NOT_FINITE:
            continue
        if abs(found - stated) > _RMS_RELATIVE * stated + _RMS_ABSOLUTE * (high - low):
            raise IntegrityError(
                f"{store.root}: record {row} renders at {psnr:.2f} dB, "
                f"but states {records.columns['psnr'][i]:.2f} dB: the store was not made from this source"
            )
        largest = max(largest, abs(float(psnr) - float(records.columns["psnr"][i])))
    return Remeasured(len(rows), largest)


def regenerate(store: Store, source: Source, rows: NDArray[np.int64], device: str | None = None) -> int:
    """Fit records again and compare every byte with the store.

    Returns:
        How many records were fitted.
    Raises:
        EngineError: this machine's engine, or this neuralviews, computes otherwise than what made the store.
        IntegrityError: a record came out different; names it.
    """
    recipe = recipe_of(store.job)
    if store.job["generator"] != GENERATOR:
        raise EngineError(
            f"{store.root}: made by generator {store.job['generator']}, this neuralviews has {GENERATOR}: "
            "other numbers make other bytes; regenerate with the neuralviews that made the store"
        )
    stated = store.job["arithmetic"]
    engine = get_engine(stated["engine"], recipe.spec, budget_of(recipe), device)
    if dict(engine.arithmetic) != stated:
        raise EngineError(
            f"{store.root} was made with {stated}, this machine has {dict(engine.arithmetic)}: "
            "only the same arithmetic gives the same bytes; regenerate where the store was made"
        )
    objects = source.objects if store.job["limit"] is None else source.objects.limited(store.job["limit"])
    made = RowFitter(recipe, source, objects, engine).fit(rows.tolist())
    kept = store.read(rows)
    for i, row in enumerate(rows.tolist()):
        differing = [name for name in kept.columns if kept.columns[name][i] != made.columns[name][i]]
        if not np.array_equal(kept.weights[i].view(np.uint32), made.weights[i].view(np.uint32)):
            differing.insert(0, "weights")
        if differing:
            raise IntegrityError(
                f"{store.root}: record {row} came out different when fitted again ({', '.join(differing)}): "
                "the store was not made by this recipe, source and engine"
            )
    return len(rows)

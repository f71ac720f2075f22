"""Proof that a store is what its recipe makes: PSNRs measured again, and records fitted again to the byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError, IntegrityError, SourceError
from ..field import evaluate
from ..recipe import Recipe
from ..records import Status
from ..signals.catalogue import Source, open_source
from ..store.reader import Store
from .job import GENERATOR, budget_of
from .registry import get_engine
from .rows import RowFitter
from .stated import stated_job

__all__ = ["Remeasured", "open_store_source", "regenerate", "remeasure", "spread_rows"]

_RMS_RELATIVE = 1e-3
_RMS_ABSOLUTE = 1e-5
_NOT_FINITE = float(np.finfo(np.float32).max)  # what stands for a loss that is not a float32


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
        FormatError: the store does not state its source.
    """
    job = stated_job(store)
    source = open_source(job.recipe, source_root, left_out=job.source.left_out if job.recipe.shape else None)
    for name in sorted({*job.source.files, *source.files}):
        if job.source.files.get(name) != source.files.get(name):
            raise SourceError(
                f"source file {name}: found sha256 {source.files.get(name, 'no such file')}, "
                f"expected {job.source.files.get(name, 'no such file')}: "
                f"give the files that {store.root} was made from"
            )
    _require_same_left_out(store, job.source.left_out, source.left_out)
    return source


def _require_same_left_out(store: Store, stated: Mapping[str, str], found: Mapping[str, str]) -> None:
    """What is no object has a number all the same: one file more or less moves those after it."""
    for name in sorted({*stated, *found}):
        if stated.get(name) != found.get(name):
            raise SourceError(
                f"source file {name}: found {_standing(found, name)}, expected {_standing(stated, name)}: "
                f"give the files that {store.root} was made from"
            )


def _standing(left_out: Mapping[str, str], name: str) -> str:
    return f"it left out ({left_out[name]})" if name in left_out else "no such file"


def remeasure(store: Store, source: Source, rows: NDArray[np.int64]) -> Remeasured:
    """Render records in float64 and compare with their stored loss, against the source.

    The root mean squared error may differ by what float32 rendering costs: 1e-5 of the target range and
    a thousandth of itself. Records whose loss was not finite have nothing to compare, and do not count.

    Raises:
        IntegrityError: a record's stored quality is not that of its weights; names the record.
    """
    recipe = stated_job(store).recipe
    span, records = recipe.span, store.read(rows)
    compared, largest = 0, 0.0
    for i, row in enumerate(rows.tolist()):
        loss, stated = float(records.columns["loss"][i]), float(records.columns["psnr"][i])
        if loss == _NOT_FINITE and records.columns["status"][i] == Status.diverged:
            continue
        signal = source.signal(int(records.columns["object_id"][i]))
        errors = _given(recipe, evaluate(store.spec, records.weights[i], signal.coords)) - signal.values
        rms = float(np.sqrt(np.mean(errors**2)))
        psnr = 20 * float(np.log10(span / max(rms, 1e-50)))
        if not abs(rms - loss**0.5) <= _RMS_RELATIVE * loss**0.5 + _RMS_ABSOLUTE * span:
            raise IntegrityError(
                f"{store.root}: record {row} renders at {psnr:.2f} dB, but states {stated:.2f} dB: "
                "the store was not made from this source"
            )
        compared, largest = compared + 1, max(largest, abs(psnr - stated))
    return Remeasured(compared, largest)


def _given(recipe: Recipe, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """What fields give where their outputs are these."""
    return 1 / (1 + np.exp(-np.clip(outputs, -700, 700))) if recipe.fit.loss == "bce" else outputs


def regenerate(store: Store, source: Source, rows: NDArray[np.int64], device: str | None = None) -> int:
    """Fit records again and compare every byte with the store.

    Returns:
        How many records were fitted.
    Raises:
        EngineError: this machine's engine, or this neuralviews, computes otherwise than what made the store.
        IntegrityError: a record came out different; names it.
    """
    job = stated_job(store)
    if job.generator != GENERATOR:
        raise EngineError(
            f"{store.root}: made by generator {job.generator}, this neuralviews has {GENERATOR}: "
            "other numbers make other bytes; regenerate with the neuralviews that made the store"
        )
    engine = get_engine(str(job.arithmetic["engine"]), job.recipe.spec, budget_of(job.recipe), device)
    if dict(engine.arithmetic) != job.arithmetic:
        raise EngineError(
            f"{store.root} was made with {job.arithmetic}, this machine has {dict(engine.arithmetic)}: "
            "only the same arithmetic gives the same bytes; regenerate where the store was made"
        )
    if dict(source.tools) != job.source.tools:
        raise EngineError(
            f"{store.root} was measured with {job.source.tools}, this machine has {dict(source.tools)}: "
            "other versions may give other distances; install those and try again"
        )
    objects = source.objects.limited(job.limit)
    made = RowFitter(job.recipe, source, objects, engine).fit(rows.tolist())
    kept = store.read(rows)
    for i, row in enumerate(rows.tolist()):
        differing = [name for name in kept.columns if (kept.columns[name][i] != made.columns[name][i]).any()]
        if not np.array_equal(kept.weights[i].view(np.uint32), made.weights[i].view(np.uint32)):
            differing.insert(0, "weights")
        if differing:
            raise IntegrityError(
                f"{store.root}: record {row} came out different when fitted again ({', '.join(differing)}): "
                "the store was not made by this recipe, source and engine"
            )
    return len(rows)

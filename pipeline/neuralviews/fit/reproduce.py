"""Proof that a store is what its recipe makes: quality measured, and records fitted again to the byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineError, IntegrityError, OptionError, SourceError
from ..field import FieldSpec, evaluate
from ..recipe import Recipe
from ..records import Records, Status
from ..signals.catalogue import Signal, Source, open_source
from ..signals.samples import ShapeSamples
from ..store.reader import Store
from .job import GENERATOR, budget_of
from .numbering import run_rows
from .registry import engine_of_job
from .rows import RowFitter
from .shadow import shadow_weights
from .stated import stated_job
from .stated_import import stated_import

__all__ = [
    "Remeasured",
    "open_store_source",
    "regenerate",
    "remeasure",
    "rendered_quality",
    "spread_rows",
]

_RMS_RELATIVE = 1e-3
_RMS_ABSOLUTE = 1e-5
_IOU_ABSOLUTE = 1e-3
_IN_FLIGHT = 1 << 22
"""Numbers of a hidden layer that are held at a time: 32 MiB in float64, however many points a signal has."""
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
        OptionError: the store was imported, and never compared with its source.
        FormatError: the store does not state its source.
    """
    recipe, files, left_out = _stated_source(store)
    source = open_source(recipe, source_root, left_out=left_out if recipe.shape else None)
    for name in sorted({*files, *source.files}):
        if files.get(name) != source.files.get(name):
            raise SourceError(
                f"source file {name}: found sha256 {source.files.get(name, 'no such file')}, "
                f"expected {files.get(name, 'no such file')}: "
                f"give the files that {store.root} was made from"
            )
    _require_same_left_out(store, left_out, source.left_out)
    return source


def _stated_source(store: Store) -> tuple[Recipe, Mapping[str, str], Mapping[str, str]]:
    """The recipe whose source a store's fields are of, the sha256 of its files, and what of it is left
    out."""
    if store.kind != "import":
        job = stated_job(store)
        return job.recipe, job.source.files, job.source.left_out
    compared = stated_import(store).compared
    if compared is None:
        raise OptionError(
            f"{store.root}: was imported without a look at its source; "
            "import it once more with --source-root, or leave it out here"
        )
    return compared.checked(store), compared.files, {}


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
    Of shapes, what is stated of the object is compared exactly, `iou` within a thousandth, and
    `surface_error` as the loss is. Of fields with a shadow, `shadow_psnr` is compared as the loss is.

    Raises:
        IntegrityError: a record's stored quality is not that of its weights; names the record.
    """
    recipe = stated_job(store).recipe
    span, records = recipe.span, store.read(rows)
    compared, largest = 0, 0.0
    for i, row in enumerate(rows.tolist()):
        signal = source.signal(int(records.columns["object_id"][i]))
        if signal.samples is not None:
            _require_measured(store, row, records.take(slice(i, i + 1)), recipe, signal.samples)
        if recipe.fit.shadow is not None:
            _require_shadow(store, row, records.take(slice(i, i + 1)), recipe, signal)
        loss, stated = float(records.columns["loss"][i]), float(records.columns["psnr"][i])
        if loss == _NOT_FINITE and records.columns["status"][i] == Status.diverged:
            continue
        rms, psnr = rendered_quality(recipe, records.weights[i], signal)
        if not abs(rms - loss**0.5) <= _RMS_RELATIVE * loss**0.5 + _RMS_ABSOLUTE * span:
            raise IntegrityError(
                f"{store.root}: record {row} renders at {psnr:.2f} dB, but states {stated:.2f} dB: "
                "the store was not made from this source"
            )
        compared, largest = compared + 1, max(largest, abs(psnr - stated))
    return Remeasured(compared, largest)


def rendered_quality(recipe: Recipe, weights: NDArray[np.float32], signal: Signal) -> tuple[float, float]:
    """Root mean squared error of a field of a recipe against its signal, rendered in float64, and PSNR in dB.

    Args:
        weights: (P,).
    """
    errors = _given(recipe, _outputs(recipe.spec, weights, signal.coords)) - signal.values
    rms = float(np.sqrt(np.mean(errors**2)))
    return rms, 20 * float(np.log10(recipe.span / max(rms, 1e-50)))


def _require_measured(store: Store, row: int, record: Records, recipe: Recipe, samples: ShapeSamples) -> None:
    """The columns of a shape's field are those of its weights and of the samples."""
    from .quality import shape_columns  # needs numba

    span = 2 * recipe.shape.truncation if recipe.shape is not None else 1.0
    allowed = {"iou": (0.0, _IOU_ABSOLUTE), "surface_error": (_RMS_RELATIVE, _RMS_ABSOLUTE * span)}
    for name, measured in shape_columns(recipe, record.weights, samples).items():
        relative, absolute = allowed.get(name, (0.0, 0.0))
        stated = record.columns[name][0]
        if not np.allclose(stated, measured[0], rtol=relative, atol=absolute):
            raise IntegrityError(
                f"{store.root}: record {row} states {name} {stated}, its weights and the source come to "
                f"{measured[0]}: the store was not made from this source"
            )


def _require_shadow(store: Store, row: int, record: Records, recipe: Recipe, signal: Signal) -> None:
    """The PSNR of a field's shadow is that of the rounded weights, as far as these give a sound one."""
    assert recipe.fit.shadow is not None
    stated = float(record.columns["shadow_psnr"][0])
    shadow = shadow_weights(recipe.spec, record.weights[0], recipe.fit.shadow)
    with np.errstate(invalid="ignore"):  # float16 may overflow
        rms, psnr = rendered_quality(recipe, shadow, signal)
    if not np.isfinite(rms) and record.columns["status"][0] == Status.diverged:
        return
    expected = recipe.span * 10 ** (-stated / 20)
    if not abs(rms - expected) <= _RMS_RELATIVE * expected + _RMS_ABSOLUTE * recipe.span:
        raise IntegrityError(
            f"{store.root}: record {row} states shadow_psnr {stated:.2f} dB, its rounded weights render at "
            f"{psnr:.2f} dB: the store was not made by this recipe and source"
        )


def _outputs(
    spec: FieldSpec, weights: NDArray[np.float32], coords: NDArray[np.float32]
) -> NDArray[np.float64]:
    """What a field puts out at coordinates (p, d), in float64."""
    size = max(1, _IN_FLIGHT // max(spec.dims))
    blocks = [evaluate(spec, weights, coords[i : i + size]) for i in range(0, len(coords), size)]
    return np.concatenate(blocks)


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
    engine = engine_of_job(str(job.arithmetic["engine"]), job.recipe.spec, budget_of(job.recipe), device)
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
    kept = store.read(rows)
    made = RowFitter(job.recipe, source, objects, engine).fit(
        run_rows(kept, objects, job.recipe.views).tolist()
    )
    compared = [name for name in kept.columns if name != "record_id"]  # a subset numbers its records anew
    for i, row in enumerate(rows.tolist()):
        differing = [name for name in compared if (kept.columns[name][i] != made.columns[name][i]).any()]
        if not np.array_equal(kept.weights[i].view(np.uint32), made.weights[i].view(np.uint32)):
            differing.insert(0, "weights")
        if differing:
            raise IntegrityError(
                f"{store.root}: record {row} came out different when fitted again ({', '.join(differing)}): "
                "the store was not made by this recipe, source and engine"
            )
    return len(rows)

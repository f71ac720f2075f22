"""Stores between the inits `siren` and `dws`: their three differences, each one way or the other."""

import math
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from neuralviews import FieldSpec, ImportOptions, Store, import_store
from neuralviews.field import split
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.reproduce import open_store_source

from .kept import keep

__all__ = ["INITS", "make_init"]

PARTS = ("first", "bias", "last")
INITS = tuple("init-" + "".join(letters) for letters in product("sd", repeat=3))
"""For first weights, sine biases and last weights in turn: ``s`` as siren has them, ``d`` as dws does."""
BUDGET = Budget(1000, 5e-4, target_psnr=50.0)
BATCH = 64


def make_init(name: str, base: Store, out: Path, kept: Path) -> None:
    """Fit what ``base``, digits of init siren, has, from another init, and note how far fits go from it.

    Args:
        kept: file to note it in, by name of the init.
    """
    letters = dict(zip(PARTS, name.removeprefix("init-"), strict=True))
    inits = _inits(base, letters)
    weights, psnr, steps = _fitted(base, inits)
    with TemporaryDirectory(dir=out.parent) as folder:
        arrays = {key: base.column(key).astype(np.int64) for key in ("object_id", "view", "label")}
        for index, (weight, bias) in enumerate(split(base.spec, weights)):
            arrays |= {f"layers.{index}.weight": weight, f"layers.{index}.bias": bias}
        np.savez(Path(folder) / "fields.npz", split=base.column("split"), psnr=psnr, **arrays)
        options = ImportOptions(name=name, omega=base.spec.omega[0], output_offset=0.5, axis_order="xy")
        import_store(folder, out, options)
    noted = {
        "psnr": float(np.median(psnr)),
        "steps": float(np.median(steps)),
        "drift": float(np.mean(_norms(weights - inits) / _norms(inits))),
        "half_turns": _half_turns(base.spec, weights),
    }
    keep(kept, name, noted)


def _inits(base: Store, letters: dict[str, str]) -> NDArray[np.float32]:
    """Each part as `initial_weights` draws it for one scheme or the other; the draws are the same."""
    seeds = [int(seed) for seed in base.column("seed")]
    siren, dws = (initial_weights(base.spec, scheme, seeds) for scheme in ("siren", "dws"))
    found, layers = siren.copy(), base.spec.layers
    if letters["first"] == "d":
        found[:, layers[0].weight] = dws[:, layers[0].weight]
    if letters["last"] == "d":
        found[:, layers[-1].weight] = dws[:, layers[-1].weight]
    if letters["bias"] == "d":
        for layer in layers[:-1]:
            found[:, layer.bias] = dws[:, layer.bias]
    return found


def _fitted(
    base: Store, inits: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    source, engine = open_store_source(base, None), CpuEngine()
    owner = base.column("object_id")
    signals = {int(index): source.signal(int(index)) for index in np.unique(owner)}
    coords, found = signals[int(owner[0])].coords, []
    for start in range(0, len(owner), BATCH):
        part = slice(start, start + BATCH)
        values = np.stack([signals[int(index)].values for index in owner[part]])
        found.append(engine.fit(base.spec, Signals(coords, values, 1.0), inits[part], BUDGET))
    weights, psnr, steps = ([getattr(fit, name) for fit in found] for name in ("weights", "psnr", "steps"))
    return np.concatenate(weights), np.concatenate(psnr), np.concatenate(steps)


def _norms(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.linalg.norm(rows, axis=1)
    return found


def _half_turns(spec: FieldSpec, weights: NDArray[np.float32]) -> list[float]:
    """Standard deviation of omega b / pi, the phases of a sine layer's units in half turns, by layer."""
    layers = zip(split(spec, weights)[:-1], spec.omega, strict=True)
    return [float(omega * bias.std() / math.pi) for (_, bias), omega in layers]

"""What `generate --robust`, `--scope` and `--shadow` do to fields: docs/howto/robust-fields.md.

Run as ``python -m tests.benchmarks.bench_methods FOLDER [--recipe NAME --source-root ROOT]``; stores that
are there already are kept.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.augment import MultiplicativeNoise
from neuralviews.augment.context import context_of
from neuralviews.augment.measure import measure
from neuralviews.draws import Draws
from neuralviews.fit.reproduce import open_store_source
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.scope import scope_of
from neuralviews.fit.shadow import shadow_weights
from neuralviews.grids import image_grid
from neuralviews.recipe import load_recipe
from neuralviews.records import Status
from neuralviews.store.reader import Store, open_store
from neuralviews.symmetry.align import align_weights
from neuralviews.work.shards import available_cpus

from .bench_align import paired

__all__ = ["CASES", "COLUMNS", "figures"]

Floats = NDArray[np.float32]
OBJECTS, VIEWS, SIGMAS = 200, 2, (0.01, 0.02, 0.05)
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "--robust damp:0.02": {"robust": {"kind": "damp", "sigma": 0.02}},
    "--robust damp:0.05": {"robust": {"kind": "damp", "sigma": 0.05}},
    "--shadow int8": {"shadow": "int8"},
    "--shadow fp16": {"shadow": "fp16"},
    "weight 1e-4": {"scope": {"kind": "pilot", "weight": 1e-4}},
    "weight 1e-3": {"scope": {"kind": "pilot", "weight": 1e-3}},
    "--scope pilot": {"scope": {"kind": "pilot"}},
    "weight 1e-1": {"scope": {"kind": "pilot", "weight": 1e-1}},
}
COLUMNS = (
    "steps",
    "PSNR",
    *(f"noise {s:g}" for s in SIGMAS),
    "int8",
    "distance",
    "mean of views",
    "spread of sd",
    "diverged",
)


def figures(store: Store, root: Path | None = None) -> tuple[float, ...]:
    """`COLUMNS` of a store.

    Medians of steps, and in dB of the fields, with noise, and rounded to int8; the mean squared distance of
    two views after alignment, and the median of their mean in dB; how much layers' sd differ between fields;
    how many fields fell below the PSNR that the recipe asks for, in percent.
    """
    weights, spec, context = store.weights(np.arange(len(store))), store.spec, context_of(store)
    assert context.image_shape is not None
    points, source = image_grid(*context.image_shape, spec.axis_order), open_store_source(store, root)
    wanted = np.stack([source.signal(int(index)).values for index in store.column("object_id")])

    def median(fields: Floats, values: Floats = wanted) -> float:
        return float(np.median(measure(spec, fields, points, values, context.span).psnr))

    batch, draws = paired(context, weights, weights), Draws(np.arange(len(weights), dtype=np.uint64))
    noises = (MultiplicativeNoise(sigma) for sigma in SIGMAS)
    first, second = weights[::VIEWS], weights[1::VIEWS]
    aligned = align_weights(spec, first, second)
    deviations = np.array([scope.sd for scope in scope_of(spec, weights)])
    return (
        float(np.median(store.column("steps"))),
        median(weights),
        *(median(noise.apply(batch, noise.sample(batch, draws)).weights) for noise in noises),
        median(shadow_weights(spec, weights, "int8")),
        float(aligned.after.mean()),
        median((first + aligned.weights) / 2, wanted[::VIEWS]),
        float((deviations.std(axis=0) / deviations.mean(axis=0)).mean()),
        100 * float((store.column("status") == Status.diverged).mean()),
    )


def main() -> None:
    """Make the stores, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--source-root", type=Path)
    parser.add_argument("--objects", type=int, default=OBJECTS)
    asked = parser.parse_args()
    print(f"| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for name, fit in CASES.items():
        out = asked.folder / name.replace(" ", "_")
        recipe = load_recipe(asked.recipe).with_views(VIEWS).with_fit(**fit)
        options = RunOptions(source_root=asked.source_root, limit=asked.objects, workers=available_cpus())
        generate(recipe, out, options)
        found = figures(open_store(out), asked.source_root)
        print(f"| `{name}` | {' | '.join(f'{value:.4g}' for value in found)} |", flush=True)


if __name__ == "__main__":
    main()

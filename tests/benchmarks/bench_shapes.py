"""Shapes from meshes to fields and back: what it costs, stage by stage, and how good the fields are.

Fits of `modelnet40` are measured beside those of images, in `bench_fit`; signs in `bench_truth`.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np

from neuralviews.draws import Draws
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.prepare import samples_folder
from neuralviews.fit.registry import get_engine
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.surface import field_mesh, record_targets, shape_values
from neuralviews.mesh import distance
from neuralviews.mesh.compare import chamfer
from neuralviews.mesh.sampling import uniform
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.records import ShapeTarget
from neuralviews.report.shape_painter import CHAMFER_POINTS
from neuralviews.signals import shapes
from neuralviews.signals.catalogue import open_source
from neuralviews.signals.shapes import ShapeSource
from neuralviews.store.reader import Store, open_store

from .bench_fit import cpu_seconds
from .roofline import floor_seconds, measure_roofline, multiply_adds

RECIPES = ("modelnet40", "modelnet10")
WIDE = "inr2vec-mesh"
WIDE_STEPS = 4
RESOLUTION = 128
STAGES = (
    (shapes, "parse_mesh", "parse"),
    (shapes, "normalized", "centre and scale"),
    (shapes, "repaired", "repair"),
    (shapes, "near_surface", "draw points near the surface"),
    (shapes, "uniform", "draw points in the cube"),
    (shapes, "inside", "inside, of the grid"),
    (shapes, "sign_disagreement", "disagreement by sight"),
    (distance, "unsigned_distance", "distances of points"),
    (distance, "inside", "inside, of points"),
)
"""What works out the truth about a mesh: each is timed as its module calls it, and none calls another."""
REST = "read, hash, keep"
WANTED_IOU = 0.95
NO_MESHES = "Nothing else was measured here: it takes real meshes, and there are none."


@dataclass(frozen=True, eq=False)
class Fitted:
    """The store of a recipe, and what it cost.

    Attributes:
        truths: of each mesh, CPU seconds of its ground truth, by the titles of `STAGES`, and `REST`.
        seconds: CPU seconds of the run after that, one worker: fits, their quality, and the store.
    """

    recipe: Recipe
    store: Store
    source: ShapeSource
    truths: Sequence[dict[str, float]]
    seconds: float


def section(rounds: int) -> str:
    """Everything about shapes but speed of small fields and signs, as a section of the report."""
    lines = ["## Shapes", "", *_wide(rounds), ""]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = _archive(folder)
        if archive is None:
            return "\n".join([*lines, NO_MESHES])
        recipes = [load_recipe(recipe) for recipe in RECIPES]
        warm = RunOptions(archive, limit=1, keep_going=True)
        generate(recipes[0], folder / "warm", warm)  # compiles all that runs
        fitted = [fit_meshes(recipe, archive, folder / recipe.name) for recipe in recipes]
        lines += [*_quality(fitted), "", *_truth(fitted), "", *_surfaces(fitted)]
    return "\n".join(lines)


def fit_meshes(recipe: Recipe, archive: Path, out: Path) -> Fitted:
    """Fit the meshes of a recipe that are there, after their ground truth, whose stages are timed."""
    found = open_source(recipe, archive, samples=samples_folder(out), left_out={})
    source, truths = cast("ShapeSource", found), []
    for object_id in source.objects.object_id.tolist():
        with timed_stages() as spent:
            whole = cpu_seconds(lambda object_id=object_id: source.samples(object_id))
        truths.append({**spent, REST: whole - sum(spent.values())})
    options = RunOptions(archive, keep_going=True)
    seconds = cpu_seconds(lambda: generate(recipe, out, options))  # finds all samples
    return Fitted(recipe, open_store(out), source, truths, seconds)


@contextmanager
def timed_stages() -> Iterator[dict[str, float]]:
    """CPU seconds that each of the `STAGES` takes meanwhile, by its title."""
    spent = {title: 0.0 for *_, title in STAGES}

    def timed(title: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                spent[title] += time.process_time() - began

        return call

    with ExitStack() as stack:
        for module, name, title in STAGES:
            stack.enter_context(mock.patch.object(module, name, timed(title, getattr(module, name))))
        yield spent


def _archive(folder: Path) -> Path | None:
    """A copy of the real meshes, or None where there are none."""
    given = os.environ.get("NEURALVIEWS_TEST_DATA")
    meshes = Path(given or "") / "modelnet_original.zip"
    return Path(shutil.copy(meshes, folder / "meshes.zip")) if given and meshes.is_file() else None


def _wide(rounds: int) -> list[str]:
    """How fast `cpu` multiplies in the widest fields of a recipe, from a few of its steps."""
    recipe = load_recipe(WIDE)
    spec, fit = recipe.spec, recipe.fit
    assert fit.points is not None
    coords = uniform(fit.points, Draws(np.zeros(1, np.uint64)))
    values = np.full((1, fit.points, 1), 0.5, np.float32)
    signals = Signals(coords, values, recipe.span, np.zeros(1, np.uint64))
    inits, engine = initial_weights(spec, recipe.init.scheme, [0]), get_engine("cpu", spec, Budget(1, fit.lr))

    def seconds(steps: int) -> float:
        budget = Budget(steps, fit.lr, points=fit.points, loss=fit.loss)
        return cpu_seconds(lambda: engine.fit(spec, signals, inits, budget))

    seconds(1)  # compiles
    rooflines, spent = [], []
    for _ in range(rounds):
        rooflines.append(measure_roofline())
        spent.append((seconds(1 + WIDE_STEPS) - seconds(1)) / WIDE_STEPS)
    step, gflop = statistics.median(spent), 2e-9 * multiply_adds(spec, fit.points)
    floors = [floor_seconds(roofline, spec, fit.points, 1) for roofline in rooflines]
    fraction = statistics.median(floor / s for floor, s in zip(floors, spent, strict=True))
    peak = statistics.median(roofline.fma_gflops for roofline in rooflines)
    return [
        f"`cpu` fits `{WIDE}`, {'-'.join(map(str, spec.dims))} at {fit.points} points a step, at",
        f"{gflop / step:.0f} GFLOP/s of {peak:.0f}: {fraction:.0%} of the roofline as above, and",
        f"{fit.steps * step:.0f} s for the {fit.steps} steps of a field. Measured over {WIDE_STEPS} of them.",
    ]


def _quality(fitted: Sequence[Fitted]) -> list[str]:
    lines = [
        "Real ModelNet meshes as the recipes fit them, by `generate` with one worker. Wanted: a median",
        f"IoU of at least {WANTED_IOU}. Surface errors are in units of the cube [-1, 1]^3. CPU seconds are",
        "means, without compiling; those of a fit also measure the field and write the store. The last",
        "column is what all meshes of the set would take of one core, were they like these.",
        "",
        "| recipe | meshes | median IoU | lowest | median surface error | truth | fit | the whole set |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in fitted:
        iou, error, expected = (*map(entry.store.column, ("iou", "surface_error")), entry.recipe.expected)
        truth = statistics.mean(sum(spent.values()) for spent in entry.truths)
        fit = entry.seconds / len(entry.store)
        assert expected is not None
        cells = [f"`{entry.recipe.name}`", f"{len(iou)}", f"{np.median(iou):.4f}", f"{iou.min():.4f}"]
        cells += [f"{np.median(error):.5f}", f"{truth:.2f} s", f"{fit:.2f} s"]
        cells.append(f"{expected.objects} meshes, {expected.objects * (truth + fit) / 3600:.1f} h")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _truth(fitted: Sequence[Fitted]) -> list[str]:
    truths = [spent for entry in fitted for spent in entry.truths]
    lines = [
        f"CPU seconds of ground truth of these {len(truths)} meshes, by stage. All views of a mesh share it.",
        "",
        "| stage | mean | largest |",
        "|---|---|---|",
    ]
    for title, seconds in (
        *((title, [spent[title] for spent in truths]) for title in truths[0]),
        ("all", [sum(spent.values()) for spent in truths]),
    ):
        lines.append(f"| {title} | {statistics.mean(seconds):.3f} | {max(seconds):.3f} |")
    return lines


def _surfaces(fitted: Sequence[Fitted]) -> list[str]:
    """What it costs to extract the surface of each field, and to compare it with its mesh, as `show` does."""
    extracting, comparing, distances = [], [], []
    draws = Draws(np.zeros(1, np.uint64))
    for entry in fitted:
        store, values = entry.store, shape_values(entry.store)
        records = store.read(np.arange(len(store)))
        targets, ids = record_targets(store, records), records.columns["object_id"]
        for weights, target, object_id in zip(records.weights, targets, ids, strict=True):
            mesh = entry.source.mesh(int(object_id))
            began = time.process_time()
            surface = field_mesh(store.spec, weights, values, ShapeTarget(target), RESOLUTION)
            extracted = time.process_time()
            distances.append(chamfer(surface, mesh, CHAMFER_POINTS, draws))
            comparing.append(time.process_time() - extracted)
            extracting.append(extracted - began)
    extract, compare, apart = map(statistics.median, (extracting, comparing, distances))
    return [
        f"Medians of these fields: {extract:.2f} CPU seconds for the surface at {RESOLUTION}^3 points, and",
        f"{compare:.2f} for its Chamfer distance from the mesh by {CHAMFER_POINTS} points of each; at most",
        f"{max(extracting):.2f} and {max(comparing):.2f}. The distance is {apart:.5f}.",
    ]


if __name__ == "__main__":
    sys.stdout.write(section(3) + "\n")

"""Fits whose bytes are golden: inputs from integers and exact operations, results as one hash a case.

Run ``python -m tests.fit.arithmetic_cases`` to print the hashes that this machine makes, and
``python -m tests.fit.arithmetic_cases --write`` to store them. Stored hashes change only together
with the version of the arithmetic.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.grids import axis_points, image_grid

GOLDEN = Path(__file__).parents[1] / "golden" / "arithmetic" / "v1.json"


@dataclass(frozen=True)
class Case:
    """A fit of a few fields."""

    spec: FieldSpec
    coords: NDArray[np.float32]
    budget: Budget
    fields: int = 2


def cube(points: int) -> NDArray[np.float32]:
    axis = axis_points(points)
    grid = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.ascontiguousarray(np.stack(grid, -1).reshape(-1, 3))


def uniform(key: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Exact multiples of 2**-23 on [-1, 1), the same with every version of NumPy."""
    raw = np.random.Philox(key=key).random_raw(int(np.prod(shape)))
    integers = (raw >> np.uint64(40)).astype(np.float64)
    return (integers * 2.0**-23 - 1).astype(np.float32).reshape(shape)


CASES = {
    "image of 784 points, 1000 steps": Case(
        FieldSpec([2, 32, 32, 1], 30.0, 0.5), image_grid(28, 28, "xy"), Budget(1000, 1e-3), fields=1
    ),
    "colour, cosine": Case(
        FieldSpec([2, 32, 32, 3], 30.0, 0.5), image_grid(32, 32, "ij"), Budget(40, 2e-3, "cosine")
    ),
    "wide": Case(FieldSpec([2, 64, 64, 3]), image_grid(20, 17, "xy"), Budget(20, 5e-4)),
    "deep, three coordinates": Case(
        FieldSpec([3, 32, 32, 32, 1], [30.0, 10.0, 7.5], -0.25), cube(12), Budget(10, 1e-3)
    ),
    "odd widths, many channels": Case(
        FieldSpec([4, 21, 50, 6], [20.0, 3.0]), uniform(3, (37, 4)), Budget(30, 1e-2)
    ),
    "best of a rough fit": Case(
        FieldSpec([1, 17, 1]), axis_points(101)[:, None].copy(), Budget(60, 0.05, keep_best=True), fields=4
    ),
    "minibatches of a cube": Case(
        FieldSpec([3, 32, 32, 32, 32, 1], 30.0, 0.5), cube(12), Budget(12, 1e-3, "cosine", points=500)
    ),
    "logits of an image": Case(
        FieldSpec([2, 48, 21, 2]), image_grid(17, 13, "ij"), Budget(30, 5e-3, loss="bce")
    ),
    "minibatches of logits": Case(
        FieldSpec([3, 64, 1], 9.0), cube(5), Budget(25, 1e-2, points=300, loss="bce"), fields=3
    ),
}


def fit(case: Case, tile: int | None = None) -> FitResult:
    """Fit smooth bumps with a little noise, from initial weights near zero."""
    spec, points = case.spec, len(case.coords)
    inits = uniform(1, (case.fields, spec.parameters)) * np.float32(0.125)
    bump = np.prod(1 - case.coords.astype(np.float64) ** 2, axis=1)
    noise = uniform(2, (case.fields, points, spec.out_dim)).astype(np.float64) / 16
    values = (bump[None, :, None] + noise).astype(np.float32)
    keys = np.random.Philox(key=4).random_raw(case.fields)
    return CpuEngine(tile).fit(spec, Signals(case.coords, values, 1.0, keys), inits, case.budget)


def digest(result: FitResult) -> str:
    """One hash of everything that a fit returns."""
    arrays = (result.weights, result.psnr, result.loss, result.steps, result.status)
    return hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in arrays)).hexdigest()


def digests() -> dict[str, str]:
    return {name: digest(fit(case)) for name, case in CASES.items()}


if __name__ == "__main__":
    text = json.dumps(
        {"made by": "python -m tests.fit.arithmetic_cases --write", "sha256": digests()}, indent=2
    )
    if sys.argv[1:] == ["--write"]:
        GOLDEN.write_text(text + "\n")
    else:
        print(text)

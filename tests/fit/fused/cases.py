"""Fits that a kernel must give the bytes of arithmetic v1 for: every branch of it, whole and broken tiles."""

import numpy as np

from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.init import initial_weights

from ...contract.engine_cases import smooth_signals

SPECS = {
    "one hidden layer": FieldSpec([2, 16, 1], output_offset=0.5),
    "one coordinate": FieldSpec([1, 12, 1], omega=9.0),
    "a recipe of images": FieldSpec([2, 32, 32, 1], output_offset=0.5),
    "broken warps, four channels": FieldSpec([2, 17, 33, 4], output_offset=0.5),
    "narrowing, omega by layer": FieldSpec([3, 24, 16, 8, 2], omega=(25.0, 10.0, 4.5), output_offset=-0.25),
    "widening, three warps": FieldSpec([2, 20, 70, 1], output_offset=0.5),
    "a recipe of shapes": FieldSpec([3, 32, 32, 32, 1]),
    "two warps, three layers": FieldSpec([3, 40, 64, 33, 1]),
    "four warps": FieldSpec([2, 128, 128, 3], output_offset=0.5),
}
BUDGETS = {
    "all points": (70, Budget(4, 1e-3)),
    "one point": (1, Budget(3, 1e-3)),
    "cosine, the best": (64, Budget(6, 0.05, "cosine", keep_best=True)),
    "a target": (40, Budget(30, 3e-3, target_psnr=9.0, keep_best=True)),
    "a minibatch": (50, Budget(4, 1e-3, points=37)),
    "a minibatch larger than the signal, logits": (50, Budget(3, 1e-3, points=80, loss="bce")),
    "logits, the best": (33, Budget(5, 0.02, keep_best=True, loss="bce")),
    "divergence": (40, Budget(3, 1e30)),
}


def problem(spec: FieldSpec, points: int, fields: int = 3) -> tuple[Signals, np.ndarray]:
    """(signals, initial weights) of a small fit, with keys for minibatches."""
    smooth = smooth_signals(spec, points, fields)
    keys = np.random.Philox(key=5).random_raw(fields)
    return Signals(smooth.coords, smooth.values, 1.0, keys), initial_weights(spec, "siren", range(fields))


def assert_same(found: FitResult, expected: FitResult) -> None:
    for name in ("weights", "loss", "psnr", "steps", "status"):
        one, two = getattr(found, name), getattr(expected, name)
        assert one.dtype == two.dtype
        assert one.tobytes() == two.tobytes(), name

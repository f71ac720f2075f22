"""Problems that the parts of the torch engine are tested on."""

import numpy as np
import pytest
import torch

from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.init import initial_weights

SPEC = FieldSpec([2, 16, 16, 1], output_offset=0.5)
CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
BUDGETS = {
    "all-steps": Budget(40, 1e-3),
    "target": Budget(60, 3e-3, target_psnr=19.0),
    "target-and-best": Budget(150, 3e-3, target_psnr=19.0, keep_best=True, schedule="cosine"),
    "best-of-spikes": Budget(45, 0.03, keep_best=True),
    "logits": Budget(50, 3e-3, loss="bce", keep_best=True),
    "minibatches": Budget(37, 1e-3, points=24, loss="bce"),
    "explosion": Budget(33, 1e30),
    "explosion-of-minibatches": Budget(33, 1e30, points=24),
    "one-step": Budget(1, 1e-3),
}
"""Every way to end a fit, in steps that are no multiple of how often the host looks."""


def problem(spec: FieldSpec, points: int, fields: int) -> tuple[np.ndarray, Signals]:
    rng = np.random.default_rng(2)
    coords = rng.uniform(-1, 1, (points, spec.in_dim)).astype(np.float32)
    values = rng.uniform(0, 1, (fields, points, spec.out_dim)).astype(np.float32)
    keys = np.arange(fields, dtype=np.uint64)
    return initial_weights(spec, "siren", range(fields)), Signals(coords, values, 1.0, keys)


def uneven_problem(fields: int) -> tuple[np.ndarray, Signals]:
    """Every other signal is smooth, so that it meets a target sooner, and the fifth is lost."""
    inits, signals = problem(SPEC, 50, fields)
    signals.values[::2] = 0.5 + 0.3 * np.sin(2 * signals.coords[:, :1])
    signals.values[4, 7] = np.nan
    return inits, signals


def same_bits(one: FitResult, other: FitResult) -> bool:
    names = ("weights", "psnr", "loss", "steps", "status")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


def rows_of(found: FitResult, rows: slice) -> FitResult:
    return FitResult(
        found.weights[rows], found.psnr[rows], found.loss[rows], found.steps[rows], found.status[rows]
    )

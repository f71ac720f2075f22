"""Engines, specs and signals that the contract is tested on."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, Engine, FitResult, Signals
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.init import initial_weights
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.fit.registry import ENGINES, get_engine
from neuralviews.grids import image_grid

from ..fit.fused.host_processor import HostProcessor

ORACLE = ReferenceEngine(np.float64)
PLAIN = FieldSpec([2, 16, 16, 1], output_offset=0.5)
SPECS = {
    "one-input": FieldSpec([1, 12, 1], omega=9.0),
    "wide-output": FieldSpec([2, 17, 33, 4], output_offset=0.5),
    "omega-per-layer": FieldSpec([3, 24, 16, 8, 2], omega=(25.0, 10.0, 4.5), output_offset=-0.25),
    "thin": FieldSpec([2, 1, 5, 3], omega=(12.0, 6.0)),
    "scaled": FieldSpec([2, 16, 1], output_offset=0.5, output_scale=0.3),
}


def make_engine(name: str) -> Engine:
    """An engine by its registry name; ``reference-float32`` is the oracle's code in the engines' type."""
    if name == "reference-float32":
        return ReferenceEngine(np.float32)
    if name == "cuda" and not torch.cuda.is_available():
        return CudaEngine(HostProcessor())  # the same kernels, run here
    return get_engine(name, PLAIN, Budget(1, 1e-3))


ALL_ENGINES = (*ENGINES, "reference-float32")
SINGLE_PRECISION = tuple(name for name in ALL_ENGINES if name != "reference")


def skip_if_refused(engine: Engine, spec: FieldSpec, budget: Budget) -> None:
    if reason := engine.refuses(spec, budget):
        pytest.skip(f"engine {engine.name} {reason}")


def smooth_signals(spec: FieldSpec, points: int, fields: int, seed: int = 0) -> Signals:
    """Random points and sums of low-frequency waves of them, with values from 0 to 1."""
    rng = np.random.default_rng(seed)
    coords = rng.uniform(-1, 1, (points, spec.in_dim)).astype(np.float32)
    waves = rng.uniform(-3, 3, (fields, 1, spec.in_dim, spec.out_dim))
    phases = rng.uniform(0, 6, (fields, 1, spec.out_dim))
    values = 0.5 + 0.5 * np.sin(np.einsum("pd,fodc->fpc", coords, waves) + phases)
    return Signals(coords, values.astype(np.float32), 1.0)


def fit(
    engine: Engine, spec: FieldSpec, signals: Signals, budget: Budget, seeds: Sequence[int] | None = None
) -> tuple[NDArray[np.float32], FitResult]:
    """(initial weights, result) of a fit from SIREN initial weights."""
    inits = initial_weights(spec, "siren", seeds if seeds is not None else range(len(signals.values)))
    return inits, engine.fit(spec, signals, inits, budget)


def scanned_digits(count: int) -> Signals:
    """Real handwritten digits, 8x8, from scikit-learn."""
    from sklearn.datasets import load_digits

    images = load_digits().images[:count] / 16
    return Signals(image_grid(8, 8, "xy"), images.reshape(count, 64, 1).astype(np.float32), 1.0)


def mnist_digits(count: int) -> Signals:
    """The first MNIST test images, 28x28."""
    folder = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not folder:
        pytest.skip("NEURALVIEWS_TEST_DATA is not set: no MNIST here")
    with gzip.open(Path(folder) / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + 784 * count), np.uint8, offset=16)
    return Signals(image_grid(28, 28, "xy"), (pixels / np.float32(255)).reshape(count, 784, 1), 1.0)


def true_loss(
    spec: FieldSpec, signals: Signals, weights: NDArray[np.float32], loss: str = "mse"
) -> NDArray[np.float64]:
    """Mean squared error of what each field gives, by the float64 oracle forward."""
    from neuralviews.field import evaluate

    outputs = evaluate(spec, weights, signals.coords)
    error = (1 / (1 + np.exp(-outputs)) if loss == "bce" else outputs) - signals.values
    return np.mean(error**2, axis=(1, 2))

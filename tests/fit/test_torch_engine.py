"""The torch engine: slots that are treated alike, points in tiles, and devices that are not there."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit import torch_engine
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.reference import ReferenceEngine, loss_and_gradient
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.fit.torch_step import FieldBatch
from neuralviews.records import Status

SPEC = FieldSpec([2, 16, 16, 1], output_offset=0.5)
CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


def problem(spec: FieldSpec, points: int, fields: int) -> tuple[np.ndarray, Signals]:
    rng = np.random.default_rng(2)
    coords = rng.uniform(-1, 1, (points, spec.in_dim)).astype(np.float32)
    values = rng.uniform(0, 1, (fields, points, spec.out_dim)).astype(np.float32)
    keys = np.arange(fields, dtype=np.uint64)
    return initial_weights(spec, "siren", range(fields)), Signals(coords, values, 1.0, keys)


def same_bits(one: FitResult, other: FitResult) -> bool:
    names = ("weights", "psnr", "loss", "steps", "status")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@settings(max_examples=40)
@given(
    ends=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    points=st.integers(1, 300),
    tile=st.sampled_from([64, 1024]),
    drawn=st.one_of(st.none(), st.integers(1, 300)),
    loss=st.sampled_from(["mse", "bce"]),
)
def test_every_slot_computes_the_same_bits(
    ends: tuple[int, int], hidden: list[int], points: int, tile: int, drawn: int | None, loss: Any
) -> None:
    """The same field in all slots stays the same field, whatever the shapes and alignments."""
    spec = FieldSpec([ends[0], *hidden, ends[1]], output_offset=0.5)
    inits, signals = problem(spec, points, 1)
    batch = FieldBatch(spec, signals.coords, Budget(1, 1e-3, points=drawn, loss=loss), 8, tile, CPU)
    keys = np.full(8, 3, np.uint64)
    batch.load(range(8), inits.repeat(8, axis=0), signals.values.repeat(8, axis=0), keys)
    ones = torch.ones(8, 1)
    for step in range(2):
        batch.draw(torch.full((8, 1), step))
        losses = batch.measure()
        assert (losses == losses[0]).all()
        batch.update(1e-3 * ones, ones)
        assert (batch.weights == batch.weights[0]).all()
    losses = batch.measure_all()
    assert (losses == losses[0]).all()


@pytest.mark.parametrize("tile", [64, 100, 333, 1000])
def test_tiles_add_up(tile: int) -> None:
    """Loss and gradient over tiles, ragged ones too, are those of all points."""
    inits, signals = problem(SPEC, 333, 2)
    batch = FieldBatch(SPEC, signals.coords, Budget(1, 1e-3), 2, tile, CPU)
    batch.load([0, 1], inits, signals.values)
    losses = batch.measure().numpy()
    for index, loss in enumerate(losses):
        wide = (inits[index], signals.coords, signals.values[index])
        expected, gradient = loss_and_gradient(SPEC, *(array.astype(np.float64) for array in wide))
        assert loss == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(batch._gradient[index].numpy(), gradient, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("points", [None, 150])
def test_points_are_tiled_when_they_are_many(points: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "CPU_TILE_ELEMENTS", 1)
    inits, signals = problem(SPEC, 200, 3)
    budget = Budget(10, 1e-3, points=points)
    tiled = TorchEngine().fit(SPEC, signals, inits, budget)
    expected = ReferenceEngine().fit(SPEC, signals, inits, budget)
    moved = np.linalg.norm(expected.weights - inits)
    assert np.linalg.norm(tiled.weights - expected.weights) < 1e-5 * moved


def test_stopped_fields_hand_their_slots_on() -> None:
    """More fields than slots, stopping at different steps, some lost: each ends as it would alone."""
    inits, signals = problem(SPEC, 50, 21)
    signals.values[::2] = 0.5 + 0.3 * np.sin(2 * signals.coords[:, :1])
    signals.values[4] = np.nan
    budget, engine = Budget(10, 3e-3, target_psnr=19.0), TorchEngine()
    together = engine.fit(SPEC, signals, inits, budget)
    assert set(together.status.tolist()) == {*Status} - {Status.unknown}
    for index in (0, 2, 4, 5, 20):
        alone = engine.fit(
            SPEC,
            Signals(signals.coords, signals.values[index : index + 1], 1.0),
            inits[index : index + 1],
            budget,
        )
        row = slice(index, index + 1)
        cut = FitResult(
            together.weights[row],
            together.psnr[row],
            together.loss[row],
            together.steps[row],
            together.status[row],
        )
        assert same_bits(alone, cut), index


def test_settings_of_torch_neither_matter_nor_change() -> None:
    inits, signals = problem(SPEC, 300, 3)
    engine = TorchEngine()
    expected = engine.fit(SPEC, signals, inits, Budget(10, 1e-3))
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    try:
        torch.set_num_threads(2)
        torch.set_float32_matmul_precision("medium")
        found = engine.fit(SPEC, signals, inits, Budget(10, 1e-3))
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (2, "medium")
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
    assert same_bits(found, expected)


def test_no_draw_from_the_global_generator() -> None:
    inits, signals = problem(SPEC, 30, 2)
    before = torch.random.get_rng_state()
    TorchEngine().fit(SPEC, signals, inits, Budget(3, 1e-3))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_arithmetic_names_the_version_and_the_device() -> None:
    stated = TorchEngine().arithmetic
    assert stated["torch"] == torch.__version__
    assert str(stated["device"]).startswith("cpu ")
    assert str(stated["device"]).endswith(torch.backends.cpu.get_cpu_capability())


def test_arithmetic_is_the_same_for_every_engine_of_a_process() -> None:
    assert TorchEngine().arithmetic == TorchEngine().arithmetic


REPORT = """
import json
from hashlib import sha256
from neuralviews.fit.torch_engine import TorchEngine
from tests.fit.test_torch_engine import SPEC, Budget, problem
engine, (inits, signals) = TorchEngine(), problem(SPEC, 64, 2)
weights = engine.fit(SPEC, signals, inits, Budget(20, 1e-3)).weights
print(json.dumps([dict(engine.arithmetic), sha256(weights.tobytes()).hexdigest()]))
"""


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="this torch has no MKL")
def test_arithmetic_differs_where_a_setting_of_mkl_changes_bits() -> None:
    """Whether this setting changes any depends on the CPU; if it does, the probe says so."""
    unset = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    reports = [
        json.loads(
            subprocess.check_output([sys.executable, "-c", REPORT], text=True, cwd=ROOT, env=environment)
        )
        for environment in (unset, unset, unset | {"MKL_CBWR": "COMPATIBLE"})
    ]
    (stated, weights), again, (other, changed) = reports
    assert again == [stated, weights]
    assert (stated["probe"] == other["probe"]) == (weights == changed)
    assert {**stated, "probe": other["probe"]} == other


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is present")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_that_is_absent_says_what_to_do(device: str) -> None:
    with pytest.raises(
        EngineError, match=r"CUDA was asked for, but this torch .* use --device cpu or --engine cpu"
    ):
        TorchEngine(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "meta"])
def test_devices_that_torch_lacks_are_one_line(device: str) -> None:
    with pytest.raises(EngineError, match=f"device.*{device}") as caught:
        TorchEngine(device)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize(
    "budget",
    [
        Budget(40, 1e-3),
        Budget(150, 3e-3, target_psnr=12.0, keep_best=True),
        Budget(40, 1e-3, points=128, loss="bce"),
    ],
)
def test_cuda_keeps_the_contract(budget: Budget) -> None:
    inits, signals = problem(SPEC, 300, 21)
    engine = TorchEngine("cuda")
    found, again = (engine.fit(SPEC, signals, inits, budget) for _ in range(2))
    expected = ReferenceEngine().fit(SPEC, signals, inits, budget)
    assert same_bits(found, again)
    np.testing.assert_allclose(found.psnr, expected.psnr, atol=0.05)
    for start, stop in pairwise([0, 1, 8, 21]):
        keys = np.arange(start, stop, dtype=np.uint64)
        part = Signals(signals.coords, np.ascontiguousarray(signals.values[start:stop]), 1.0, keys)
        alone = engine.fit(SPEC, part, inits[start:stop], budget)
        np.testing.assert_array_equal(alone.weights, found.weights[start:stop])

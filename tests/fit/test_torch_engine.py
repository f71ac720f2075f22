"""The torch engine: fields that share its slots, tiles and settings, and what decides its bits."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit import torch_engine, torch_fits
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.fit.torch_graph import repeated
from neuralviews.records import Status

from .torch_cases import BUDGETS, SPEC, problem, rows_of, same_bits, uneven_problem

ROOT = Path(__file__).parents[2]


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
    inits, signals = uneven_problem(21)
    budget, engine = Budget(10, 3e-3, target_psnr=19.0), TorchEngine()
    together = engine.fit(SPEC, signals, inits, budget)
    assert set(together.status.tolist()) == {*Status} - {Status.unknown}
    for index in (0, 2, 4, 5, 20):
        row = slice(index, index + 1)
        alone = engine.fit(SPEC, Signals(signals.coords, signals.values[row], 1.0), inits[row], budget)
        assert same_bits(alone, rows_of(together, row)), index


@pytest.mark.parametrize("name", BUDGETS)
def test_how_often_the_host_looks_changes_no_bit(name: str) -> None:
    """21 fields in 8 slots, refilled at once or up to 31 steps late."""
    budget, (inits, signals) = BUDGETS[name], uneven_problem(21)
    found = []
    for look in (1, 3, 32, 1000):
        engine = TorchEngine()
        engine._look = look
        found.append(engine.fit(SPEC, signals, inits, budget))
    assert all(same_bits(one, found[0]) for one in found[1:])
    expected = ReferenceEngine().fit(SPEC, signals, inits, budget)
    np.testing.assert_array_equal(found[0].status, expected.status)
    if budget.target_psnr is not None:
        assert len(set(found[0].steps.tolist())) > 3, "the fields should stop at different steps"
    elif not budget.keep_best:
        np.testing.assert_array_equal(found[0].steps, expected.steps)


def test_the_host_looks_when_all_steps_are_done_and_no_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that slots idle for no step, and a GPU is not waited for at every one."""
    counts: list[int] = []

    def counted(work: Callable[[], None], device: torch.device) -> Callable[[int], None]:
        advance = repeated(work, device)

        def call(count: int) -> None:
            counts.append(count)
            advance(count)

        return call

    monkeypatch.setattr(torch_fits, "repeated", counted)
    inits, signals = problem(SPEC, 30, 16)
    engine = TorchEngine()
    engine._look = 32
    engine.fit(SPEC, signals, inits, Budget(70, 1e-3))
    assert counts == [32, 32, 7] * 2, "70 updates, and a last measurement, of two times eight fields"


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
from tests.fit.torch_cases import SPEC, Budget, problem
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


def test_layers_of_one_unit_are_refused_on_a_gpu() -> None:
    """There a field's bits would depend on its slot; found on an H100 by the test of slots."""
    engine, thin = TorchEngine(), FieldSpec([2, 8, 1, 3])
    assert engine.refuses(thin, Budget(1, 1e-3)) is None
    engine.device = torch.device("cuda", 0)
    inits, signals = problem(thin, 5, 1)
    with pytest.raises(
        EngineError, match=r"engine 'torch' fits hidden layers of 2 units or more on a GPU, found"
    ):
        engine.fit(thin, signals, inits, Budget(1, 1e-3))

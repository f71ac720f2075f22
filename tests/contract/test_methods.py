"""What every engine promises of what is done beside plain fitting: the oracle's updates, or a refusal."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import EngineError
from neuralviews.fit.engine import Budget, Engine, FitResult, Signals, psnr_from_loss
from neuralviews.fit.method import Method
from neuralviews.fit.registry import engine_of_job, get_engine
from neuralviews.records import Status

from ..fit.method_cases import METHODS
from .engine_cases import ORACLE, PLAIN, SPECS, fit, make_engine, skip_if_refused
from .test_minibatches import keyed


@pytest.mark.parametrize("ends", [{}, {"keep_best": True}, {"points": 16, "loss": "bce"}], ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_ten_updates_are_the_oracles(single: Engine, name: str, ends: dict[str, Any]) -> None:
    budget = Budget(10, 1e-3, method=METHODS[name], **ends)
    skip_if_refused(single, PLAIN, budget)
    signals = keyed(PLAIN, points=64, fields=2)
    inits, expected = fit(ORACLE, PLAIN, signals, budget)
    _, found = fit(single, PLAIN, signals, budget)
    moved = np.linalg.norm(expected.weights - inits, axis=1)
    # A weight at the border of two levels of int8 may be rounded either way.
    allowed = 5e-3 if "int8" in name else 5e-4
    assert (np.linalg.norm(found.weights - expected.weights, axis=1) <= allowed * moved).all()
    np.testing.assert_allclose(found.loss, expected.loss, rtol=10 * allowed)
    np.testing.assert_array_equal(found.psnr, psnr_from_loss(found.loss, 1.0))


@pytest.mark.parametrize("target", [None, 20.0])
@pytest.mark.parametrize("name", METHODS)
def test_a_field_does_not_depend_on_its_neighbours(engine: Engine, name: str, target: float | None) -> None:
    """Bit for bit, alone or in another order among more fields than the engine works on at a time."""
    budget = Budget(40, 2e-3, target_psnr=target, method=METHODS[name])
    skip_if_refused(engine, PLAIN, budget)
    signals, order = keyed(PLAIN, points=77, fields=11), np.array([7, 2, 10, 0, 5, 1, 9, 3, 8, 6, 4])
    _, together = fit(engine, PLAIN, signals, budget)
    for rows in (order, order[4:5], order[:9]):
        _, found = fit(engine, PLAIN, rows_of(signals, rows), budget, seeds=rows.tolist())
        for part in FitResult.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(found, part), getattr(together, part)[rows])


def rows_of(signals: Signals, rows: np.ndarray) -> Signals:
    assert signals.keys is not None
    values, keys = np.ascontiguousarray(signals.values[rows]), signals.keys[rows]
    return replace(signals, values=values, keys=keys)


@pytest.mark.parametrize("name", METHODS)
def test_a_lost_field_leaves_its_neighbours_alone(engine: Engine, name: str) -> None:
    budget = Budget(10, 1e-3, method=METHODS[name])
    skip_if_refused(engine, PLAIN, budget)
    signals = keyed(PLAIN, points=40, fields=3)
    _, expected = fit(engine, PLAIN, signals, budget)
    values = signals.values.copy()
    values[1, 7, 0] = np.nan
    inits, found = fit(engine, PLAIN, replace(signals, values=values), budget)
    assert found.status.tolist() == [Status.budget, Status.diverged, Status.budget]
    np.testing.assert_array_equal(found.weights[1], inits[1])
    np.testing.assert_array_equal(found.weights[[0, 2]], expected.weights[[0, 2]])


@pytest.mark.parametrize("method", [METHODS["damp"], METHODS["int8-and-scope"]], ids=["damp", "two"])
@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_engines_of_arithmetic_v1_refuse(name: str, method: Method) -> None:
    engine = make_engine(name)
    budget, names = Budget(1, 1e-3, method=method), " and ".join(f"fit.{name}" for name in method.names)
    with pytest.raises(EngineError, match=f"engine '{name}' fits without {names} only: use --engine torch"):
        fit(engine, PLAIN, keyed(PLAIN, 9, 1), budget)


@pytest.mark.parametrize("name", METHODS)
def test_auto_takes_torch(name: str) -> None:
    budget = Budget(1, 1e-3, method=METHODS[name])
    assert get_engine("auto", SPECS["scaled"], budget).name == "torch"
    assert get_engine("auto", PLAIN, budget).name == "torch"
    assert engine_of_job("torch", PLAIN, budget).name == "torch"
    with pytest.raises(EngineError, match="engine 'cpu' fits without"):
        get_engine("cpu", PLAIN, budget)

"""DAMP: its noise, its update, and what is recorded of fields that were fitted so."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.draws import Draws, gammas
from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.fit.damp import damp_factors, weight_entries
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.method import Method
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.fit.torch_method import normals_on_device

from .method_cases import METHODS, Tensor, error_of, field_error, written_out
from .torch_cases import DEVICES, SPEC, problem

KEYS = np.array([0, 1, 77, (1 << 64) - 1], np.uint64)


def test_the_update_is_that_of_the_method() -> None:
    """Gradient at w * xi, not multiplied by xi; Adam moves w. The noise is drawn number by number here."""
    sigma, count = 0.05, SPEC.parameters
    assert count % 2 == 1, "an odd number shows where the next step begins"

    def gradient(field: int, weights: Tensor, coords: Tensor, values: Tensor, step: int) -> Tensor:
        stream = Draws(np.array([field], np.uint64)).child(0)
        every = stream.normal((step + 1) * (count + 1))[0]
        normal = torch.tensor(every[step * (count + 1) :][:count])
        xi = torch.ones(count, dtype=torch.float64)
        for layer in SPEC.layers:
            xi[layer.weight] += sigma * normal[layer.weight]
        seen = (weights * xi).requires_grad_()
        return torch.autograd.grad(field_error(SPEC, seen, coords, values), seen)[0]

    found, expected = written_out(7, Method(sigma=sigma), gradient)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6, atol=1e-7)


def test_noise_is_of_weights_alone_and_normal() -> None:
    spec = FieldSpec([2, 40, 40, 3])
    found = (damp_factors(spec, KEYS, 5, 0.1) - 1) / 0.1
    entries = weight_entries(spec)
    assert entries.sum() == 80 + 1600 + 120
    assert (found[:, ~entries] == 0).all()
    drawn = found[:, entries]
    assert abs(drawn.mean()) < 5 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1) < 5 * np.sqrt(2 / drawn.size)
    assert len(np.unique(drawn)) == drawn.size


def test_every_step_and_every_key_has_noise_of_its_own() -> None:
    steps = [damp_factors(SPEC, KEYS, step, 0.1) for step in range(3)]
    assert len(np.unique(np.concatenate(steps)[:, weight_entries(SPEC)])) == 3 * 4 * (32 + 256 + 16)
    np.testing.assert_array_equal(steps[1][2:], damp_factors(SPEC, KEYS[2:], 1, 0.1))


@pytest.mark.parametrize("device", DEVICES)
@given(
    keys=st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=3),
    step=st.integers(0, 1 << 20),
    count=st.integers(1, 50),
)
def test_devices_draw_the_same_but_for_rounding(device: str, keys: list[int], step: int, count: int) -> None:
    seeds = np.array(keys, np.uint64)
    streams = torch.tensor(np.stack([seeds, gammas(seeds)]).view(np.int64)[:, :, None], device=device)
    found = normals_on_device(*streams, torch.full((len(keys), 1), step, device=device), count)
    expected = Draws(seeds).normal(count, step * (count + count % 2))
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=1e-9, atol=1e-9)


@given(k=st.integers(0, 9), start=st.integers(0, 40))
def test_normal_numbers_go_on_where_others_ended(k: int, start: int) -> None:
    every = Draws(KEYS).normal(2 * start + k)
    np.testing.assert_array_equal(Draws(KEYS).normal(k, 2 * start), every[:, 2 * start :])


@pytest.mark.parametrize("name", ["damp", "int8"])
@pytest.mark.parametrize("ends", [{}, {"target_psnr": 19.0}, {"keep_best": True}])
def test_what_is_recorded_is_of_the_weights_themselves(name: str, ends: dict[str, float]) -> None:
    """Whatever the steps saw: the loss, and the target that stops a field."""
    inits, signals = problem(SPEC, 50, 5)
    signals.values[:] = 0.5 + 0.3 * np.sin(2 * signals.coords[:, :1])
    budget = Budget(150, 3e-3, method=METHODS[name], **ends)  # type: ignore[arg-type]
    found = TorchEngine().fit(SPEC, signals, inits, budget)
    np.testing.assert_allclose(found.loss, error_of(signals, found.weights), rtol=2e-4)
    if "target_psnr" in ends:
        assert (found.steps < 150).all()
        assert (found.psnr >= 19.0 - 1e-4).all()


def test_fields_that_saw_noise_bear_it_better() -> None:
    inits, signals = problem(SPEC, 60, 4)
    signals.values[:] = 0.5 + 0.3 * np.sin(2 * signals.coords[:, :1])
    plain, damped = (
        TorchEngine().fit(SPEC, signals, inits, Budget(400, 2e-3, method=method))
        for method in (None, Method(sigma=0.05))
    )
    noise = damp_factors(SPEC, KEYS, 10**6, 0.05)
    errors = [error_of(signals, (found.weights * noise).astype(np.float32)) for found in (plain, damped)]
    assert np.log(errors[1]).mean() < np.log(errors[0]).mean() - 0.5


def test_noise_needs_keys() -> None:
    inits, signals = problem(SPEC, 9, 2)
    bare = Signals(signals.coords, signals.values, 1.0)
    with pytest.raises(SpecError, match=r"found no keys, expected uint64 \(2,\): the noise of a step"):
        TorchEngine().fit(SPEC, bare, inits, Budget(1, 1e-3, method=Method(sigma=0.1)))


@pytest.mark.parametrize("sigma", [0.0, -0.1, 1.1, float("nan")])
def test_noise_without_sense_is_refused(sigma: float) -> None:
    with pytest.raises(SpecError, match=r"method: found sigma .*, expected a number above 0, at most 1"):
        Method(sigma=sigma)

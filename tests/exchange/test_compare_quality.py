"""Qualities of fields are those of their images, under any convention and in any company."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.exchange.compare import Comparison, Measured
from neuralviews.exchange.convention import Convention
from neuralviews.field import FieldSpec, evaluate
from neuralviews.grids import image_grid
from neuralviews.store.reader import Store

from .conftest import DIGITS, STATED


def by_hand(
    comparison: Comparison,
    spec: FieldSpec,
    convention: Convention,
    weights: NDArray[np.float32],
    objects: list[int],
) -> list[float]:
    """Mean squared errors in float64, by the reference evaluation."""
    losses = []
    for field, number in zip(weights, objects, strict=True):
        shape = comparison.source.image_shape(number)
        assert shape is not None
        found = evaluate(spec, field, image_grid(*shape, spec.axis_order)).astype(np.float64)
        if convention.mean is not None and convention.std is not None:
            found = found * convention.std + convention.mean
        assert convention.target_range is not None
        low, high = convention.target_range
        start, end = comparison.recipe.target.range
        image = (comparison.source.signal(number).values - start) / (end - start)
        losses.append(float(((low + (high - low) * image - found) ** 2).mean()))
    return losses


def test_quality_is_that_of_the_store(digits: Comparison, fitted: Store) -> None:
    records = fitted.read(np.arange(len(fitted)))
    objects = records.columns["object_id"].tolist()
    found = digits.measure(fitted.spec, STATED, records.weights, objects)
    np.testing.assert_allclose(found.psnr, records.columns["psnr"], atol=0.01)
    np.testing.assert_allclose(found.loss, records.columns["loss"], rtol=2e-3)


@pytest.mark.parametrize("targets", [(0.0, 1.0), (-1.0, 1.0), (2.0, 7.0)])
@pytest.mark.parametrize("channel", [None, (0.4, 0.25)])
def test_quality_under_any_convention(
    digits: Comparison, fitted: Store, targets: tuple[float, float], channel: tuple[float, float] | None
) -> None:
    mean, std = (None, None) if channel is None else ((channel[0],), (channel[1],))
    stated = Convention(30.0, "ij", 0.25, target_range=targets, mean=mean, std=std)
    spec, objects = stated.spec(fitted.spec.dims), [3, 0, 3]
    weights = fitted.weights([6, 0, 7])
    found = digits.measure(spec, stated, weights, objects)
    expected = by_hand(digits, spec, stated, weights, objects)
    np.testing.assert_allclose(found.loss, expected, rtol=1e-4)
    span = targets[1] - targets[0]
    np.testing.assert_allclose(found.psnr, 10 * np.log10(span**2 / np.array(expected)), atol=1e-3)


@given(st.lists(st.integers(0, 2 * DIGITS - 1), min_size=1, max_size=20), st.integers(1, 300))
def test_quality_does_not_depend_on_company(
    digits: Comparison, fitted: Store, rows: list[int], in_flight: int
) -> None:
    """Shards and blocks cut the records differently, and `verify` compares to the bit."""
    objects = fitted.column("object_id")

    def measured(chosen: list[int]) -> Measured:
        return digits.measure(fitted.spec, STATED, fitted.weights(chosen), objects[chosen].tolist())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("neuralviews.exchange.compare._IN_FLIGHT", in_flight)
        together = measured(rows)
    alone = [measured([row]) for row in rows]
    assert together.loss.tolist() == [float(one.loss[0]) for one in alone]
    assert together.psnr.tolist() == [float(one.psnr[0]) for one in alone]


def test_fields_that_overflow_have_the_largest_loss(digits: Comparison, fitted: Store) -> None:
    weights = fitted.weights([0]).copy()
    weights[0, fitted.spec.layers[-1].weight] = 3e38
    found = digits.measure(fitted.spec, STATED, weights, [0])
    assert found.loss[0] == np.finfo(np.float32).max
    assert np.isfinite(found.psnr).all()

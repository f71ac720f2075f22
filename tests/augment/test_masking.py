"""Masks: how many weights become zero, which ones, and what happens to the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.base import Augmentation
from neuralviews.augment.masking import Dropout, Masking, QuantileMasking
from neuralviews.errors import OptionError
from neuralviews.field import FieldSpec

from .cases import specs
from .pairs import draws_for, pairs

WIDE = FieldSpec([2, 20, 15, 1], omega=[30.0, 20.0])


def masked(step: Augmentation, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    batch = pairs(WIDE, n)
    return batch.weights, step.apply(batch, step.sample(batch, draws_for(batch))).weights


def test_masks_zero_their_share_and_touch_nothing_else() -> None:
    before, after = masked(Masking(0.3))
    zeroed = after == 0
    assert zeroed.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / zeroed.size))
    np.testing.assert_array_equal(after[~zeroed], before[~zeroed])
    rows, columns = zeroed.mean(axis=1), zeroed.mean(axis=0)
    assert 0 < rows.std() < 0.04  # fields and entries have masks of their own
    assert 0 < columns.std() < 0.1


def test_dropout_is_as_published() -> None:
    """Zeroes and survivors times 1 / (1 - p), as ``torch.nn.functional.dropout`` does."""
    before, after = masked(Dropout(0.3))
    zeroed = after == 0
    assert zeroed.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / zeroed.size))
    np.testing.assert_allclose(after[~zeroed], before[~zeroed].astype(np.float64) / 0.7, rtol=1e-7)


@pytest.mark.parametrize("step", [Masking(0), Dropout(0), QuantileMasking(0)])
def test_masks_of_nothing_keep_every_bit(step: Augmentation) -> None:
    before, after = masked(step)
    np.testing.assert_array_equal(after, before)


def test_a_mask_of_everything() -> None:
    assert not masked(Masking(1.0))[1].any()


@given(specs(), st.integers(0, 99), st.floats(0, 1, width=32))
def test_quantile_masks_are_as_published(spec: FieldSpec, first: int, q: float) -> None:
    """Zero what is smaller in magnitude than the quantile of all magnitudes of the field."""
    batch = pairs(spec, 2, first)
    copies = QuantileMasking(1.0).apply(batch, np.full((2, 1), q, np.float32)).weights
    magnitude = abs(batch.weights.astype(np.float64))
    threshold = np.quantile(magnitude, q, axis=1, keepdims=True)
    unclear = abs(magnitude - threshold) < 1e-12 * threshold  # NumPy may round the quantile otherwise
    expected = np.where(magnitude < threshold, 0, batch.weights)
    np.testing.assert_array_equal(copies[~unclear], expected[~unclear])
    assert unclear.sum() <= 2


def test_quantiles_are_uniform_up_to_their_bound() -> None:
    batch = pairs(WIDE, 500)
    q = QuantileMasking(0.2).sample(batch, draws_for(batch))[:, 0]
    assert 0 <= q.min() < 0.005
    assert 0.195 < q.max() <= np.float32(0.2)
    assert q.mean() == pytest.approx(0.1, abs=0.01)


def test_equal_magnitudes_are_kept_together() -> None:
    """None of them is below their quantile."""
    batch = pairs(WIDE, 1)
    same = np.full_like(batch.weights, -0.25)
    same_batch = type(batch).of(batch.context, same, batch.labels)
    copies = QuantileMasking().apply(same_batch, np.full((1, 1), 0.7, np.float32)).weights
    np.testing.assert_array_equal(copies, same)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^Dropout: p: found 1.0, expected 0 to 0.99$"):
        Dropout(1.0)
    with pytest.raises(OptionError, match=r"^Masking: p: found True, expected 0 to 1$"):
        Masking(True)
    with pytest.raises(OptionError, match=r"^QuantileMasking: high: found 2, expected 0 to 1$"):
        QuantileMasking(2)

"""Label noise: exactly as many flips as said, uniform over the other classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import OptionError
from neuralviews.evaluate.label_noise import corrupt_labels


@given(
    st.lists(st.integers(-1, 4), max_size=60),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 2**64 - 1),
)
def test_exactly_the_share_of_labelled_records_gets_another_class(
    labels: list[int], share: float, seed: int
) -> None:
    clean = np.array(labels, np.int64)
    before = clean.copy()
    noisy = corrupt_labels(clean, 5, share, seed)
    labelled = clean != -1
    assert (clean == before).all()
    assert noisy.dtype == np.int64
    assert (noisy[~labelled] == -1).all()
    assert ((noisy[labelled] >= 0) & (noisy[labelled] < 5)).all()
    assert (noisy != clean).sum() == round(share * labelled.sum())


def test_flips_are_uniform_over_the_other_classes_and_over_records() -> None:
    clean = np.repeat(np.arange(4), 5000)
    noisy = corrupt_labels(clean, 4, 0.6, 3)
    for label in range(4):
        counts = np.bincount(noisy[clean == label], minlength=4)
        others = np.delete(counts, label)
        assert counts[label] == pytest.approx(2000, abs=5 * 35)  # sd of a binomial of 5000 at 0.6: 35
        assert others == pytest.approx(np.full(3, 1000), abs=5 * 28)


def test_a_larger_share_flips_the_same_records_and_more() -> None:
    clean = np.arange(1000) % 10
    few, many = (corrupt_labels(clean, 10, share, 7) for share in (0.2, 0.4))
    flipped = few != clean
    assert (few[flipped] == many[flipped]).all()
    assert (corrupt_labels(clean, 10, 0.4, 8) != many).any()
    assert (corrupt_labels(clean, 10, 0.4, 7) == many).all()


@pytest.mark.parametrize(
    ("labels", "classes", "share", "message"),
    [
        ([0, 1], 2, 1.0, "label noise: found share 1.0, expected a number from 0 to below 1"),
        ([0, 1], 2, -0.1, "found share -0.1"),
        ([0, 1], 2, float("nan"), "found share nan"),
        ([0, 0], 1, 0.1, "label noise: found 1 class, expected at least 2"),
        ([0, 3], 3, 0.1, "found labels from 0 to 3, expected 0 to 2"),
        ([-2, 1], 3, 0.1, "found labels from -2 to 1"),
    ],
)
def test_what_cannot_be_is_said(labels: list[int], classes: int, share: float, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        corrupt_labels(np.array(labels), classes, share, 0)

"""Soft labels: shares of classes, joined, scaled and made dense."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.batch import SoftLabels

CLASSES = 4


@st.composite
def labels(draw: st.DrawFn, rows: int) -> SoftLabels:
    """Some distinct classes in each row, or none, with shares that add up to at most 1."""
    slots = draw(st.integers(1, 3))
    classes = np.full((rows, slots), -1, np.int32)
    shares = np.zeros((rows, slots), np.float32)
    for row in range(rows):
        named = draw(st.lists(st.integers(0, CLASSES - 1), max_size=slots, unique=True))
        for slot, name in enumerate(named):
            classes[row, slot], shares[row, slot] = name, draw(st.sampled_from([0.0, 0.125, 0.25, 0.3125]))
    return SoftLabels(classes, shares)


@given(labels(3), labels(3), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_mixing_labels_mixes_what_they_say_and_names_no_class_twice(
    a: SoftLabels, b: SoftLabels, lam: float
) -> None:
    mixed = a.scaled(lam).joined(b.scaled(1 - lam))
    for row in range(3):
        named = [name for name in mixed.classes[row].tolist() if name >= 0]
        assert len(named) == len({*named})
        assert (mixed.classes[row, : len(named)] >= 0).all()  # unused slots come last
        for name in range(CLASSES):
            parts = [float(x.shares[row][x.classes[row] == name].sum()) for x in (a, b)]
            found = float(mixed.shares[row][mixed.classes[row] == name].sum())
            assert found == lam * parts[0] + (1 - lam) * parts[1]
    assert not mixed.shares[mixed.classes == -1].any()
    assert mixed.classes.shape[1] <= CLASSES


def test_the_hard_label_is_the_class_with_the_largest_share_of_all() -> None:
    three_and_five = SoftLabels(np.array([[3, 5]], np.int32), np.array([[0.8, 0.2]], np.float32))
    five = SoftLabels.of(np.array([5]))
    assert three_and_five.scaled(0.5).joined(five.scaled(0.5)).hard() == [5]


@given(labels(4))
def test_dense_shares_of_labelled_rows_add_up_to_one(labels: SoftLabels) -> None:
    dense = labels.dense(CLASSES)
    labelled = (labels.classes >= 0).any(axis=1)
    np.testing.assert_allclose(dense.sum(axis=1), labelled.astype(np.float32), atol=1e-6)
    assert (dense >= 0).all()


def test_what_shares_lack_to_one_is_spread_evenly() -> None:
    smoothed = SoftLabels.of(np.array([2, -1])).scaled(0.5)
    np.testing.assert_allclose(smoothed.dense(4), [[0.125, 0.125, 0.625, 0.125], [0, 0, 0, 0]])


def test_padding_adds_slots_that_say_nothing() -> None:
    padded = SoftLabels.of(np.array([2])).padded(3)
    assert padded.classes.tolist() == [[2, -1, -1]]
    assert padded.shares.tolist() == [[1, 0, 0]]

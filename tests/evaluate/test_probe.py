"""The linear probe: it learns what a plane can divide, chooses on validation, and says what it cannot do."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.errors import StoreError
from neuralviews.evaluate.probe import linear_probe

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


def clouds(count: int, spread: float, seed: int, scale: float = 1.0) -> Labelled:
    """Points around three corners, in two of five dimensions; the last one never varies."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = draws.normal(size=(count, 5)) * spread
    features[:, :2] += np.array([[0, 2], [2, -1], [-2, -1]])[labels]
    features[:, 4] = 7
    return (features * scale).astype(np.float32), labels


def test_it_tells_what_planes_divide() -> None:
    score = linear_probe(clouds(90, 0.3, 0), clouds(60, 0.3, 1), clouds(60, 0.3, 2))
    assert (score.train, score.val, score.test) == (1, 1, 1)
    assert score.c == 1e-4  # the smallest of equal ones


def test_it_tells_nothing_of_labels_that_are_drawn() -> None:
    draws = np.random.default_rng(4)
    parts = [(clouds(300, 1.0, seed)[0], draws.integers(0, 3, 300)) for seed in range(3)]
    assert linear_probe(*parts).test == pytest.approx(1 / 3, abs=0.11)  # four standard errors


def test_the_scale_of_features_does_not_matter() -> None:
    plain = [clouds(90, 1.2, seed) for seed in range(3)]
    large = [clouds(90, 1.2, seed, scale=2.0**20) for seed in range(3)]
    assert linear_probe(*plain) == linear_probe(*large)


def test_the_strength_is_chosen_on_validation_alone() -> None:
    train, val, test = (clouds(90, 1.2, seed) for seed in range(3))
    wrong = test[0], (test[1] + 1) % 3
    first, second = linear_probe(train, val, test), linear_probe(train, val, wrong)
    assert (first.c, first.val, first.train) == (second.c, second.val, second.train)
    assert first.test > second.test


def test_records_without_a_label_are_left_out() -> None:
    train, val, test = (clouds(90, 1.2, seed) for seed in range(3))
    more = np.concatenate((train[0], np.full((9, 5), 1e6, np.float32)))
    assert linear_probe((more, np.append(train[1], [-1] * 9)), val, test) == linear_probe(train, val, test)


def test_what_cannot_be_is_said() -> None:
    train, val = clouds(9, 1.0, 0), clouds(9, 1.0, 1)
    nothing = val[0], np.full(9, -1)
    broken = np.full_like(val[0], np.nan), val[1]
    with pytest.raises(StoreError, match="linear probe: split 'val' has no labelled record"):
        linear_probe(train, nothing, val)
    with pytest.raises(StoreError, match="found features of split 'test' that are not finite"):
        linear_probe(train, val, broken)
    with pytest.raises(StoreError, match="found one class in training, expected at least 2"):
        linear_probe((train[0], np.zeros(9, np.int64)), val, val)

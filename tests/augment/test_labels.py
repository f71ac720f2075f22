"""Label smoothing: the published formula, on mixed and missing labels too."""

from dataclasses import replace

import numpy as np
import pytest

from neuralviews.augment.batch import Context, SoftLabels
from neuralviews.augment.labels import LabelSmoothing
from neuralviews.errors import OptionError, SpecError

from .pairs import CLASSES, SPEC, draws_for, pairs


def smoothed(labels: SoftLabels, epsilon: float) -> np.ndarray:
    batch = replace(pairs(n=len(labels)), labels=labels)
    step = LabelSmoothing(epsilon)
    return step.apply(batch, step.sample(batch, draws_for(batch))).labels.dense(CLASSES)


def test_one_class_becomes_mostly_one_class() -> None:
    label = np.array([0, 3, 2, 2, 1, 0])
    expected = 0.9 * np.eye(CLASSES)[label] + 0.1 / CLASSES
    np.testing.assert_allclose(smoothed(SoftLabels.of(label), 0.1), expected, rtol=1e-6)


def test_mixed_labels_are_smoothed_as_a_whole() -> None:
    labels = SoftLabels(np.array([[1, 3]], np.int32), np.array([[0.25, 0.75]], np.float32))
    np.testing.assert_allclose(smoothed(labels, 0.2), [[0.05, 0.25, 0.05, 0.65]], rtol=1e-6)


def test_all_of_a_label_can_be_spread() -> None:
    np.testing.assert_allclose(smoothed(SoftLabels.of(np.array([2])), 1.0), np.full((1, CLASSES), 0.25))


def test_missing_labels_stay_missing() -> None:
    assert not smoothed(SoftLabels.of(np.array([-1, -1])), 0.1).any()


def test_stores_without_labels_are_refused() -> None:
    with pytest.raises(SpecError) as error:
        LabelSmoothing().require(Context(SPEC, 1.0, None, 0))
    assert str(error.value) == "label_smoothing: these fields have no labels; leave the step out"


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^LabelSmoothing: epsilon: found 1.1, expected 0 to 1$"):
        LabelSmoothing(1.1)

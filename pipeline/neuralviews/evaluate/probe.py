"""A linear probe: how well a straight classifier tells classes by features that are no longer trained."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError

__all__ = ["Labelled", "ProbeScore", "linear_probe"]

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Features (n, F) and their classes (n,), -1 for none: records without a class are left out."""

STRENGTHS = tuple(10.0**power for power in range(-4, 3))
"""Of C, the inverse of the regularization, from which the one that is best on validation is taken."""

_ITERATIONS = 1000


@dataclass(frozen=True)
class ProbeScore:
    """Shares of records told right.

    Args:
        c: the inverse strength of the regularization, chosen on validation; the smallest of equal ones.
    """

    train: float
    val: float
    test: float
    c: float


def linear_probe(train: Labelled, val: Labelled, test: Labelled) -> ProbeScore:
    """Fit multinomial logistic regression to the features of training, and score it on all three parts.

    Every feature is brought to mean 0 and deviation 1 of the training part first, so that one scale of C
    fits features of any scale. Nothing is drawn: the solver starts at 0.

    Raises:
        StoreError: a part has no labelled record, training has one class, or features are not finite.
    """
    parts = {"train": _kept(train), "val": _kept(val), "test": _kept(test)}
    for name, (features, labels) in parts.items():
        if not len(labels):
            raise StoreError(
                f"linear probe: split '{name}' has no labelled record; label some, or choose views"
            )
        if not np.isfinite(features).all():
            raise StoreError(f"linear probe: found features of split '{name}' that are not finite")
    if len(np.unique(parts["train"][1])) < 2:
        raise StoreError("linear probe: found one class in training, expected at least 2")
    features = parts["train"][0]
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation < 1e-8 * max(float(deviation.max()), 1e-300)] = 1  # a dead unit says nothing
    scaled = {name: ((part - mean) / deviation, labels) for name, (part, labels) in parts.items()}
    scores = [_scored(scaled, c) for c in STRENGTHS]
    return max(scores, key=lambda score: score.val)


def _kept(part: Labelled) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    features, labels = part
    labelled = labels >= 0
    return features[labelled].astype(np.float64), labels[labelled]


def _scored(parts: dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]], c: float) -> ProbeScore:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        # Classes that a plane divides have no finite optimum at large C; the model so far is scored.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*parts["train"])
    train, val, test = (float(model.score(*parts[name])) for name in ("train", "val", "test"))
    return ProbeScore(train, val, test, c)

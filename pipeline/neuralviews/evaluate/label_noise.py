"""Wrong labels on purpose, to measure what a method of training withstands."""

import numpy as np
from numpy.typing import NDArray

from ..draws import Draws, row_seeds
from ..errors import OptionError
from ..records import NO_LABEL

__all__ = ["corrupt_labels"]


def corrupt_labels(labels: NDArray[np.int64], classes: int, share: float, seed: int) -> NDArray[np.int64]:
    """Give exactly ``round(share * n)`` of the n labelled records another class, uniform over the others.

    This is symmetric label noise. The published code of Bar et al. (see `reweighting`) redraws the labels
    uniformly over all classes instead, so that its noise of 40 % with ten classes flips but 36 %.
    With one seed, the records flipped at a smaller share are among those flipped at a larger one, to the
    same classes.

    Args:
        labels: (n,) int64, -1 for none; those stay.
        classes: K, at least 2.
        share: from 0 to below 1.
        seed: from `derive_seed`.
    Returns:
        New labels, (n,) int64; ``labels`` stay as they are.
    Raises:
        OptionError: a share or number of classes that cannot be, or a label beyond the classes.
    """
    if not 0 <= share < 1:
        raise OptionError(f"label noise: found share {share!r}, expected a number from 0 to below 1")
    if classes < 2:
        raise OptionError(f"label noise: found {classes} class, expected at least 2: none other to take")
    labelled = np.flatnonzero(labels != NO_LABEL)
    present = labels[labelled]
    if len(present) and not (present.min() >= 0 and present.max() < classes):
        raise OptionError(
            f"label noise: found labels from {present.min()} to {present.max()}, "
            f"expected 0 to {classes - 1}, or -1 for none"
        )
    draws = Draws(row_seeds(seed, np.arange(len(labelled))))
    order = np.argsort(draws.child(0).bits(1)[:, 0], kind="stable")
    flipped = order[: round(share * len(labelled))]
    step = draws.child(1).take(flipped).integers(1, classes - 1, 1)[:, 0]
    corrupted = labels.astype(np.int64)
    corrupted[labelled[flipped]] = (present[flipped] + step) % classes
    return corrupted

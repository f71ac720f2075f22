"""The share of the first parent in a mixture: how it is drawn, and the mixing itself."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .settings import check_choice, check_number

if TYPE_CHECKING:
    from ..draws import Draws

__all__ = ["Law", "check_law", "draw_lam", "mix"]

Law = Literal["beta", "uniform"]
"""``beta``: Beta(beta, beta), mostly near 0 and 1 if beta is small; ``uniform``: as published."""


def check_law(owner: object) -> None:
    """Raise OptionError unless ``law`` and ``beta`` of an augmentation are settings to draw shares by."""
    check_choice(owner, "law", ("beta", "uniform"))
    check_number(owner, "beta", 1e-3, 1e6)


def draw_lam(draws: "Draws", law: Law, beta: float) -> NDArray[np.float32]:
    """Shares of the first parent, (n, 1) float32 in [0, 1]."""
    lam = draws.uniform(1) if law == "uniform" else draws.beta(beta)[:, None]
    return lam.astype(np.float32)


def mix(a: NDArray[np.float32], b: NDArray[np.float32], lam: NDArray[np.float32]) -> NDArray[np.float32]:
    """``lam a + (1 - lam) b``, in float32: two products, then their sum.

    Args:
        a, b: (n, P) float32.
        lam: (n,) float32.
    Returns:
        (n, P) float32; where a share is 1 the parent itself, to the sign of its zeros.
    """
    share = lam[:, None]
    mixed = share * a
    mixed += (np.float32(1) - share) * b
    for parent, whole in ((a, 1), (b, 0)):  # 0 added to -0 would be +0
        rows = np.flatnonzero(lam == whole)
        mixed[rows] = parent[rows]
    return mixed

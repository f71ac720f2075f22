"""Numbers and labels as people read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.records import NO_LABEL
from neuralviews.report.wording import decibels, label_text, shares_text, shortened

DIGITS = tuple("0123456789")


@pytest.mark.parametrize(
    ("psnr", "text"),
    [(42.04, "42.0 dB"), (-385.3, "-385.3 dB"), (998.9, "998.9 dB"), (999.0, "∞ dB"), (np.nan, "unknown")],
)
def test_a_loss_of_nothing_is_infinite(psnr: float, text: str) -> None:
    assert decibels(psnr) == text


@pytest.mark.parametrize(
    ("names", "label", "text"),
    [
        (DIGITS, 3, "3"),
        (None, 3, "label 3"),
        (DIGITS, 12, "label 12"),
        (DIGITS, -2, "label -2"),
        (DIGITS, NO_LABEL, ""),
        (("a\nb\x1b",), 0, "a\\nb\\x1b"),
    ],
)
def test_labels(names: tuple[str, ...] | None, label: int, text: str) -> None:
    assert label_text(names, label) == text


@pytest.mark.parametrize(
    ("classes", "shares", "text"),
    [
        ([3], [1.0], "'3'"),
        ([8, 3], [0.29, 0.71], "0.71 '3' + 0.29 '8'"),
        ([3, 3], [0.25, 0.75], "'3'"),
        ([3, 8, 3, -1], [0.25, 0.5, 0.25, 0.0], "0.50 '3' + 0.50 '8'"),
        ([3], [0.9], "0.90 '3' + 0.10 all"),
        ([3, 8], [0.999, 0.001], "'3'"),
        ([3], [0.0], "all"),
        ([-1, -1], [0.0, 0.0], "no label"),
    ],
)
def test_shares(classes: list[int], shares: list[float], text: str) -> None:
    assert shares_text(DIGITS, np.array(classes, np.int32), np.array(shares, np.float32)) == text


@given(st.text(), st.integers(1, 20))
def test_what_is_too_long_ends_in_an_ellipsis(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert short == text or (len(text) > limit and text.startswith(short[:-1]) and short[-1] == "…")

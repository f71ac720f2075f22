"""Multiplicative reweighting against its algorithm as written, in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.errors import OptionError
from neuralviews.evaluate.reweighting import MultiplicativeWeights, mixed_weighted_loss, weighted_loss


def written(epochs: NDArray[np.float64], eta: float) -> list[float]:
    """``L_i += l_i`` after each epoch, then ``p_i = exp(-eta L_i) / sum_j exp(-eta L_j)``."""
    total = [0.0] * epochs.shape[1]
    for losses in epochs:
        total = [sum_ + float(loss) for sum_, loss in zip(total, losses, strict=True)]
    raw = [math.exp(-eta * sum_) for sum_ in total]
    return [value / math.fsum(raw) for value in raw]


def written_cap(p: list[float], most: float) -> list[float]:
    """Cap what exceeds; hand the excess to those below in proportion; again, until none exceeds."""
    capped: set[int] = set()
    while True:
        over = {i for i, value in enumerate(p) if value > most * (1 + 1e-12) and i not in capped}
        if not over:
            return p
        capped |= over
        others = math.fsum(value for i, value in enumerate(p) if i not in capped)
        rest = 1 - most * len(capped)
        p = [most if i in capped else value * rest / others for i, value in enumerate(p)]


def test_weights_follow_the_written_algorithm() -> None:
    epochs = np.random.default_rng(0).exponential(2, (160, 50))
    weights = MultiplicativeWeights(50)
    assert weights.eta == 0.01
    assert weights.p == pytest.approx(np.full(50, 0.02), rel=1e-15)
    for losses in epochs:
        weights.update(losses)
    assert weights.p == pytest.approx(written(epochs, 0.01), rel=1e-12)
    assert weights.p.sum() == pytest.approx(1, abs=1e-14)


@given(
    st.lists(st.floats(0, 30), min_size=2, max_size=30),
    st.floats(0.01, 3),
    st.integers(1, 30),
)
def test_no_weight_exceeds_its_cap_and_the_excess_goes_to_the_others(
    losses: list[float], eta: float, sharing: int
) -> None:
    count = len(losses)
    cap = min(sharing, count) / count
    plain, capped = MultiplicativeWeights(count, eta=eta), MultiplicativeWeights(count, eta=eta, cap=cap)
    for weights in (plain, capped):
        weights.update(np.array(losses))
    assert capped.p.max() <= 1 / (cap * count) * (1 + 1e-12)
    assert capped.p.sum() == pytest.approx(1, abs=1e-9)
    assert capped.p == pytest.approx(written_cap(plain.p.tolist(), 1 / (cap * count)), rel=1e-6, abs=1e-12)


def test_sums_that_underflow_a_plain_exp_still_give_weights() -> None:
    losses = np.array([2e6, 2e6 + 1, 3e6])
    weights, capped = MultiplicativeWeights(3, eta=1.0), MultiplicativeWeights(3, eta=1.0, cap=1.0)
    for each in (weights, capped):
        each.update(losses)
    assert weights.p == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0], rel=1e-12)
    assert capped.p == pytest.approx(np.full(3, 1 / 3), rel=1e-12)


def test_losses_are_weighted_means() -> None:
    draws = np.random.default_rng(1)
    loss_a, loss_b, p_a, p_b, lam = (torch.from_numpy(draws.uniform(0, 2, 6)) for _ in range(5))
    lam = lam / 2
    plain = sum(float(p * loss) for p, loss in zip(p_a, loss_a, strict=True)) / float(p_a.sum())
    assert float(weighted_loss(loss_a, p_a)) == pytest.approx(plain, rel=1e-14)
    above = below = 0.0
    for a, b, share, p, q in zip(
        loss_a.tolist(), loss_b.tolist(), lam.tolist(), p_a.tolist(), p_b.tolist(), strict=True
    ):
        above += share * p * a + (1 - share) * q * b
        below += share * p + (1 - share) * q
    assert float(mixed_weighted_loss(loss_a, loss_b, lam, p_a, p_b)) == pytest.approx(
        above / below, rel=1e-14
    )
    turned = torch.arange(6).roll(2)  # a permuted batch with one share: the published sum of p_a
    one = torch.tensor(0.3, dtype=torch.float64)
    published = (one * p_a * loss_a + (1 - one) * p_a[turned] * loss_b).sum() / p_a.sum()
    assert float(mixed_weighted_loss(loss_a, loss_b, one, p_a, p_a[turned])) == pytest.approx(
        float(published), rel=1e-14
    )


def test_a_batch_without_any_weight_teaches_nothing() -> None:
    losses = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = weighted_loss(losses, torch.zeros(2))
    loss.backward()
    assert float(loss.detach()) == 0
    assert losses.grad is not None
    assert losses.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "found 0 records"),
        ({"count": 4, "eta": 0}, "found eta 0, expected a number above 0"),
        ({"count": 4, "cap": 0.1}, "found cap 0.1, expected a number from 1/4 to 1"),
        ({"count": 4, "cap": 1.5}, "found cap 1.5"),
    ],
)
def test_arguments_that_cannot_be(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        MultiplicativeWeights(**arguments)  # type: ignore[arg-type]


def test_losses_that_cannot_be() -> None:
    weights = MultiplicativeWeights(2)
    with pytest.raises(OptionError, match=r"losses: found \(3,\), expected \(2,\)"):
        weights.update(np.zeros(3))
    with pytest.raises(OptionError, match="losses: found 1 that are not finite"):
        weights.update(np.array([0, np.nan]))
    assert weights.p.tolist() == [0.5, 0.5]

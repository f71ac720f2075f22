"""MixUp: the published formulas, its limits at either parent, and what alignment adds."""

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import betainc

from neuralviews.augment.batch import Context
from neuralviews.augment.compose import Compose
from neuralviews.augment.lam import draw_lam, mix
from neuralviews.augment.mixup import AlignedMixUp, MixUp
from neuralviews.augment.target import Target
from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate, split
from neuralviews.symmetry.group import Element, Group

from .pairs import CLASSES, SPEC, draws_for, lams, pairs, partner_weights, values_of

POINTS = np.random.default_rng(3).uniform(-1, 1, (40, 2))
GROUPS: tuple[Group, ...] = ("perm", "sign", "phase")
KINDS = [MixUp(), MixUp(permute=True), MixUp(labels="hard"), *(AlignedMixUp(group=group) for group in GROUPS)]
kinds = pytest.mark.parametrize("kind", KINDS, ids=repr)


def published_permuted(spec: FieldSpec, weights: NDArray[np.float32], perm: NDArray[Any]) -> NDArray[Any]:
    """``W_l <- P_l W_l P_(l-1)^T`` and ``b_l <- P_l b_l`` with matrices, for one field, flat in float64."""
    inner = np.split(perm.astype(int), np.cumsum(spec.dims[1:-2]))
    matrices = [np.eye(spec.in_dim), *(np.eye(len(p))[p] for p in inner), np.eye(spec.out_dim)]
    parts = []
    for layer, (weight, bias) in enumerate(split(spec, weights.astype(np.float64))):
        moved = matrices[layer + 1] @ weight @ matrices[layer].T
        parts += [moved.ravel(), matrices[layer + 1] @ bias]
    return np.concatenate(parts)


def test_mixup_is_the_published_mean() -> None:
    batch = pairs()
    mixed, params = Compose(MixUp(law="uniform")).run(batch, draws_for(batch))
    lam = params[:, :1].astype(np.float64)
    expected = lam * batch.weights + (1 - lam) * partner_weights(batch)
    np.testing.assert_allclose(mixed.weights, expected, atol=1e-6)
    own, other = np.arange(6) % CLASSES, (np.arange(6) + 1) % CLASSES
    shares = lam * np.eye(CLASSES)[own] + (1 - lam) * np.eye(CLASSES)[other]
    np.testing.assert_allclose(mixed.labels.dense(CLASSES), shares, atol=1e-6)


def test_mixup_and_perm_is_the_published_mean_with_a_permuted_field() -> None:
    batch = pairs()
    mixed, params = Compose(MixUp(law="uniform", permute=True)).run(batch, draws_for(batch))
    for i, partner in enumerate(partner_weights(batch)):
        lam, moved = float(params[i, 0]), published_permuted(SPEC, partner, params[i, 1:])
        np.testing.assert_allclose(mixed.weights[i], lam * batch.weights[i] + (1 - lam) * moved, atol=1e-6)
    assert len(np.unique(params[:, 1:], axis=0)) == len(batch)


@pytest.mark.parametrize(
    ("lam", "owner"), [(1.0, 0), (0.5, 0), (np.nextafter(np.float32(0.5), 0), 1), (0.0, 1)]
)
def test_hard_labels_are_of_the_larger_share(lam: float, owner: int) -> None:
    batch = pairs()
    mixed = MixUp(labels="hard").apply(batch, lams(batch, lam))
    assert mixed.labels.hard().tolist() == [(i + owner) % CLASSES for i in range(6)]
    assert (mixed.labels.shares == 1).all()
    soft = MixUp().apply(batch, lams(batch, lam))
    assert soft.weights.tobytes() == mixed.weights.tobytes()


@kinds
def test_a_share_of_one_is_the_first_parent_itself(kind: MixUp | AlignedMixUp) -> None:
    batch = pairs()
    params = kind.sample(batch, draws_for(batch))
    params[:, 0] = 1
    mixed = kind.apply(batch, params)
    assert mixed.weights.tobytes() == batch.weights.tobytes()
    assert mixed.labels.hard().tolist() == batch.labels.hard().tolist()


@kinds
def test_a_share_of_zero_is_the_second_parent_as_a_function(kind: MixUp | AlignedMixUp) -> None:
    batch = pairs()
    params = kind.sample(batch, draws_for(batch))
    params[:, 0] = 0
    mixed = kind.apply(batch, params)
    expected = evaluate(SPEC, partner_weights(batch), POINTS)
    np.testing.assert_allclose(evaluate(SPEC, mixed.weights, POINTS), expected, atol=1e-5)
    if kind == MixUp():
        assert mixed.weights.tobytes() == partner_weights(batch).tobytes()


def test_whole_shares_keep_negative_zeros() -> None:
    zeros = np.array([[-0.0, 0.0]], np.float32)
    ones = np.ones((1, 2), np.float32)
    assert mix(zeros, ones, np.array([1], np.float32)).tobytes() == zeros.tobytes()
    assert mix(ones, zeros, np.array([0], np.float32)).tobytes() == zeros.tobytes()


@kinds
def test_labels_sum_to_one(kind: MixUp | AlignedMixUp) -> None:
    batch = pairs(n=40)
    mixed, _ = Compose(kind).run(batch, draws_for(batch))
    total = mixed.labels.shares.astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-7)
    np.testing.assert_allclose(mixed.labels.dense(CLASSES).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("law", "beta"), [("uniform", 1.0), ("beta", 0.3), ("beta", 2.0)])
def test_shares_follow_their_law(law: Literal["beta", "uniform"], beta: float) -> None:
    lam = np.sort(draw_lam(Draws(row_seeds(4, np.arange(20_000))), law, beta)[:, 0].astype(np.float64))
    distance = abs(betainc(beta, beta, lam) - (np.arange(len(lam)) + 0.5) / len(lam)).max()
    assert distance < 1.95 / np.sqrt(len(lam))  # Kolmogorov and Smirnov, p = .001
    assert abs(lam.mean() - 0.5) < 0.01
    assert abs(lam.var() - 1 / (4 * (2 * beta + 1))) < 0.005


@kinds
def test_neither_parent_is_written_to(kind: MixUp | AlignedMixUp) -> None:
    batch = pairs()
    assert batch.partner is not None
    arrays = [batch.weights, batch.partner.weights, batch.labels.shares, batch.partner.labels.shares]
    before = [array.tobytes() for array in arrays]
    mixed, _ = Compose(kind).run(batch, draws_for(batch))
    assert [array.tobytes() for array in arrays] == before
    assert mixed.partner is batch.partner
    assert mixed.source is batch.weights


@kinds
def test_rows_do_not_depend_on_their_batch_and_come_again(kind: MixUp | AlignedMixUp) -> None:
    batch, pipeline = pairs(), Compose(kind)
    mixed, params = pipeline.run(batch, draws_for(batch))
    again = pipeline.replay(batch, params)
    assert again.weights.tobytes() == mixed.weights.tobytes()
    assert again.labels.shares.tobytes() == mixed.labels.shares.tobytes()
    for i in range(len(batch)):
        alone = pairs(n=1, first=i)
        one, drawn = pipeline.run(alone, draws_for(alone, i))
        assert one.weights.tobytes() == mixed.weights[i].tobytes()
        assert drawn.tobytes() == params[i].tobytes()


@pytest.mark.parametrize("planted", GROUPS)
@pytest.mark.parametrize("group", GROUPS)
def test_alignment_undoes_what_its_group_holds_and_no_more(planted: Group, group: Group) -> None:
    spec = FieldSpec([3, 9, 6, 2], omega=[25.0, 15.0])
    origin = pairs(spec, n=8)
    element = Element.random(spec, draws_for(origin), planted)
    batch = pairs(spec, n=8, partner=element.apply(origin.weights))
    mixed = AlignedMixUp(group=group).apply(batch, lams(batch, 0.0, 0.3, 0.5, 0.99))
    error = abs(mixed.weights - batch.weights).max(axis=1)
    if GROUPS.index(planted) <= GROUPS.index(group):
        assert error.max() < 1e-6
    else:
        assert error.min() > 1e-3


@kinds
def test_expects_the_mean_of_both_functions(kind: MixUp | AlignedMixUp) -> None:
    batch, points = pairs(), POINTS
    params = kind.sample(batch, draws_for(batch))
    target = kind.expect(Target.of_parent(6, 2, 3), params, batch.context)
    parents = [batch.weights, partner_weights(batch)]
    a, b = (evaluate(SPEC, weights, points) for weights in parents)
    lam = params[:, 0, None, None].astype(np.float64)
    np.testing.assert_allclose(
        values_of(target, SPEC, parents, points), lam * a + (1 - lam) * b, rtol=0, atol=1e-12
    )


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(OptionError, match=r"^MixUp: law: found 'normal', expected one of beta, uniform$"):
        MixUp(law="normal")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^AlignedMixUp: beta: found 0, expected 0.001 to "):
        AlignedMixUp(beta=0)
    with pytest.raises(OptionError, match=r"^MixUp: labels: found 'none', expected one of soft, hard$"):
        MixUp(labels="none")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^MixUp: partner: found 'near', expected one of any, class$"):
        MixUp(partner="near")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^AlignedMixUp: group: found 'all', expected one of perm, sign"):
        AlignedMixUp(group="all")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^Compose: found mixup and aligned_mixup, .* at most one"):
        Compose([MixUp(), AlignedMixUp()])
    alone = pairs().partner
    assert alone is not None
    with pytest.raises(OptionError, match=r"^mixup: found a batch without partner, expected a second parent"):
        MixUp().apply(alone, lams(alone, 0.5))
    unlabelled = Context(SPEC, 1.0, None, 0)
    MixUp().require(unlabelled)
    with pytest.raises(SpecError, match=r"^aligned_mixup: found fields without labels.* partner = 'any'$"):
        AlignedMixUp(partner="class").require(unlabelled)

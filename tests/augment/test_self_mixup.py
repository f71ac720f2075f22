"""A field mixed with its own augmented copy: its own label, and in what it promises both functions."""

from dataclasses import replace

import numpy as np
import pytest

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.base import Augmentation
from neuralviews.augment.batch import Batch, Context, SoftLabels
from neuralviews.augment.compose import Compose
from neuralviews.augment.geometry import AffineCoords
from neuralviews.augment.labels import LabelSmoothing
from neuralviews.augment.mixup import MixUp
from neuralviews.augment.noise import GaussianNoise
from neuralviews.augment.repair import Repair
from neuralviews.augment.self_mixup import SelfMixUp
from neuralviews.augment.symmetry import RandomSymmetry, SignFlip
from neuralviews.augment.target import Target
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate
from neuralviews.symmetry.align import align_weights
from neuralviews.symmetry.group import Group

from .pairs import SPEC, draws_for, pairs, values_of

GROUPS: tuple[Group, ...] = ("perm", "sign", "phase")
NOISY = SelfMixUp((AffineCoords(translate=0.2), RandomSymmetry(), GaussianNoise(0.02)))
"""A copy that differs as a function, in its units and in every weight."""


def single(n: int = 6, first: int = 0, spec: FieldSpec = SPEC) -> Batch:
    return replace(pairs(spec, n, first), partner=None)


def test_keeps_the_label_and_needs_no_partner() -> None:
    batch = single()
    soft = SoftLabels.of(np.arange(6)).scaled(0.9)
    mixed, _ = Compose([NOISY]).run(replace(batch, labels=soft), draws_for(batch))
    assert mixed.labels is soft
    assert NOISY.partner is None
    assert NOISY.label_rule == "keep"


@pytest.mark.parametrize("group", GROUPS)
def test_is_the_mean_with_the_aligned_copy(group: Group) -> None:
    batch, kind = single(), replace(NOISY, group=group, law="uniform")
    params = kind.sample(batch, draws_for(batch))
    copy = Compose(kind.steps).replay(batch, params[:, :-1]).weights
    lam = params[:, -1:].astype(np.float64)
    aligned = align_weights(SPEC, batch.weights, copy, group=group).weights
    mixed = kind.apply(batch, params).weights
    np.testing.assert_allclose(mixed, lam * batch.weights + (1 - lam) * aligned, atol=1e-6)
    assert abs(copy - batch.weights).max() > 0.1


@pytest.mark.parametrize("planted", GROUPS)
@pytest.mark.parametrize("group", GROUPS)
def test_a_symmetric_copy_changes_nothing_if_the_group_holds_it(planted: Group, group: Group) -> None:
    batch = single(n=8)
    kind = SelfMixUp((RandomSymmetry(planted),), group=group)
    params = kind.sample(batch, draws_for(batch))
    params[:, -1] = np.linspace(0, 0.9, 8)
    error = abs(kind.apply(batch, params).weights - batch.weights).max(axis=1)
    if GROUPS.index(planted) <= GROUPS.index(group):
        assert error.max() < 1e-6
    else:
        assert error.min() > 1e-3


def test_a_share_of_one_is_the_field_itself() -> None:
    batch = single()
    params = NOISY.sample(batch, draws_for(batch))
    params[:, -1] = 1
    assert NOISY.apply(batch, params).weights.tobytes() == batch.weights.tobytes()


def test_expects_the_mean_of_the_field_and_its_copy() -> None:
    batch, points = single(), np.random.default_rng(5).uniform(-1, 1, (30, 2))
    kind = SelfMixUp((AffineCoords(translate=0.3), SignFlip()))
    params = kind.sample(batch, draws_for(batch))
    copy = Compose(kind.steps).replay(batch, params[:, :-1]).weights
    lam = params[:, -1, None, None].astype(np.float64)
    expected = lam * evaluate(SPEC, batch.weights, points) + (1 - lam) * evaluate(SPEC, copy, points)
    target = kind.expect(Target.of_parent(6, 2, 3), params, batch.context)
    np.testing.assert_allclose(values_of(target, SPEC, [batch.weights], points), expected, atol=1e-4)
    assert abs(expected - evaluate(SPEC, batch.weights, points)).max() > 0.01


def test_rows_do_not_depend_on_their_batch_and_come_again() -> None:
    batch, pipeline = single(), Compose([SignFlip(), NOISY])
    before = batch.weights.tobytes()
    mixed, params = pipeline.run(batch, draws_for(batch), track=True)
    assert batch.weights.tobytes() == before
    assert pipeline.replay(batch, params).weights.tobytes() == mixed.weights.tobytes()
    for i in range(len(batch)):
        one, drawn = pipeline.run(single(1, i), draws_for(batch, 0).take(np.array([i])))
        assert one.weights.tobytes() == mixed.weights[i].tobytes()
        assert drawn.tobytes() == params[i].tobytes()


def test_names_the_parameters_of_its_steps() -> None:
    kind, context = SelfMixUp((SignFlip(), SelfMixUp((SignFlip(),)))), single().context
    assert [(p.name, p.count) for p in kind.parameters(context)] == [
        ("sign_flip.sign", 13),
        ("self_mixup.sign_flip.sign", 13),
        ("self_mixup.lam", 1),
        ("lam", 1),
    ]
    assert kind.sample(single(), draws_for(single())).shape == (6, 28)


@pytest.mark.parametrize("step", [MixUp(), Repair(), LabelSmoothing()])
def test_refuses_steps_that_do_not_make_copies(step: Augmentation) -> None:
    with pytest.raises(OptionError, match=f"^SelfMixUp: steps: found {step.name}, expected steps that keep"):
        SelfMixUp((SignFlip(), step))


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(OptionError, match=r"^SelfMixUp: steps: Compose: found no step"):
        SelfMixUp(())
    with pytest.raises(
        OptionError, match=r"^SelfMixUp: group: found 'all', expected one of perm, sign, phase$"
    ):
        SelfMixUp((SignFlip(),), group="all")  # type: ignore[arg-type]
    with pytest.raises(
        OptionError, match=r"^SelfMixUp: group: found None, expected one of perm, sign, phase$"
    ):
        SelfMixUp((SignFlip(),), group=None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^SelfMixUp: law: found 'normal'"):
        SelfMixUp((SignFlip(),), law="normal")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"^align_to"):
        SelfMixUp((AlignTo("AACAPw=="),)).require(Context(SPEC, 1.0, None, 0))
    assert SelfMixUp([SignFlip()]) == SelfMixUp((SignFlip(),))  # type: ignore[arg-type]

"""Alignment to a reference: symmetric copies of it come back to it, and need no search to be made again."""

from dataclasses import replace

import numpy as np
import pytest

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.batch import Batch, Context
from neuralviews.augment.compose import Compose
from neuralviews.augment.symmetry import RandomSymmetry
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import Field, FieldSpec
from neuralviews.symmetry.align import align_weights
from neuralviews.symmetry.group import Group

from .pairs import SPEC, draws_for, pairs

REFERENCE = pairs(n=1).weights[0]


def scattered(group: Group, n: int = 8) -> Batch:
    """Symmetric copies of the reference."""
    batch = replace(pairs(n=n), weights=np.tile(REFERENCE, (n, 1)))
    copies, _ = Compose(RandomSymmetry(group, 3)).run(batch, draws_for(batch))
    return copies


@pytest.mark.parametrize("group", ["perm", "sign", "phase"])
def test_symmetric_copies_come_back(group: Group) -> None:
    batch = scattered(group)
    copies, params = Compose(AlignTo.of(REFERENCE, group)).run(batch, draws_for(batch))
    np.testing.assert_allclose(copies.weights, np.tile(REFERENCE, (8, 1)), rtol=0, atol=1e-5)
    assert params.shape[1] == {"perm": 13, "sign": 26, "phase": 39}[group]


@pytest.mark.parametrize("group", ["perm", "sign", "phase"])
def test_other_fields_come_as_near_as_the_group_brings_them(group: Group) -> None:
    batch = pairs(n=20, first=1)
    copies, _ = Compose(AlignTo.of(REFERENCE, group)).run(batch, draws_for(batch))
    expected = align_weights(SPEC, REFERENCE, batch.weights, group=group).weights
    assert copies.weights.tobytes() == expected.tobytes()


def test_a_smaller_group_does_not_suffice() -> None:
    batch = scattered("phase")
    copies, _ = Compose(AlignTo.of(REFERENCE, "sign")).run(batch, draws_for(batch))
    assert (abs(copies.weights - REFERENCE).max(axis=1) > 0.01).all()


def test_copies_are_made_again_without_the_reference() -> None:
    batch = scattered("phase")
    step = AlignTo.of(REFERENCE)
    copies, params = Compose(step).run(batch, draws_for(batch))
    another = AlignTo.of(np.zeros_like(REFERENCE))
    assert another.apply(batch, params).weights.tobytes() == copies.weights.tobytes()


def test_references_survive_as_text() -> None:
    step = AlignTo.of(REFERENCE)
    assert AlignTo(step.reference) == step
    assert step.weights.tobytes() == REFERENCE.tobytes()
    assert step.reference not in repr(step)


def test_references_of_another_shape_are_refused() -> None:
    spec = FieldSpec([2, 4, 1])
    with pytest.raises(SpecError) as error:
        AlignTo.of(REFERENCE).require(Context(spec, 1.0, None, 0))
    assert str(error.value) == (
        f"align_to: the reference has {SPEC.parameters} weights, these fields have 17; "
        "take a reference of dims [2, 4, 1]"
    )


@pytest.mark.parametrize("text", ["?", "AAA", "AAAAAAA=", "ü"])
def test_what_is_no_field_is_refused(text: str) -> None:
    with pytest.raises(
        OptionError, match=r"^AlignTo: reference: found str, expected the float32 weights of a"
    ):
        AlignTo(text)


def test_arrays_and_text_are_not_confused() -> None:
    with pytest.raises(
        OptionError, match=r"found AlignTo, expected .*; AlignTo\.of\(weights\) makes the aug"
    ):
        AlignTo(AlignTo.of(REFERENCE))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^AlignTo\.of: found Field, expected the weights of one field"):
        AlignTo.of(Field(SPEC, REFERENCE))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=rf"^AlignTo\.of: found \(1, {SPEC.parameters}\), expected the w"):
        AlignTo.of(REFERENCE[None])


def test_references_that_are_not_finite_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^AlignTo: reference: found a weight that is not finite"):
        AlignTo.of(np.array([1, np.nan], np.float32))

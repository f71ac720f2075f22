"""A reference that many fields are aligned to."""

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.symmetry.align import Aligned, align_weights
from neuralviews.symmetry.group import Element, Group
from neuralviews.symmetry.reference import ROUNDS, mean_reference

from .fields import GROUPS, draws_of
from .pairs import SCHEMES, SPECS, Rows, fitted_pairs, hidden

SPEC = SPECS["image"]


def fields() -> Rows:
    return np.concatenate(fitted_pairs("siren")[1:])


@pytest.mark.parametrize("group", GROUPS)
def test_the_distance_falls_round_by_round_and_is_that_of_the_reference(group: Group) -> None:
    weights = fields()
    found = mean_reference(SPEC, lambda: [weights], group)
    aligned = align_weights(SPEC, found.weights, weights, group=group)
    assert min(found.history) == pytest.approx(aligned.after.mean(), rel=1e-12)
    falls = np.array(found.history[1:]) / found.history[:-1]
    assert 2 <= len(found.history) <= ROUNDS
    assert (falls[:-1] < 1 - 1e-3).all()
    assert len(found.history) == ROUNDS or falls[-1] >= 1 - 1e-3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_fields_aligned_to_it_are_nearer_each_other(scheme: str) -> None:
    spec, a, b = fitted_pairs(scheme)  # type: ignore[arg-type]
    reference = mean_reference(spec, lambda: [a, b]).weights
    near_a, near_b = (align_weights(spec, reference, x).weights for x in (a, b))
    before, pairwise = (align_weights(spec, a, b).before.mean(), align_weights(spec, a, b).after.mean())
    through = ((near_a.astype(np.float64) - near_b) ** 2).sum(axis=1).mean()
    assert pairwise < through < 0.4 * before


def test_copies_of_one_field_give_that_field() -> None:
    one = fields()[:1]
    copies = hidden(SPEC, 8, "phase").apply(np.repeat(one, 8, axis=0))
    noisy = (copies + 1e-4 * draws_of(1, 8).normal(SPEC.parameters)).astype(np.float32)
    found = mean_reference(SPEC, lambda: [noisy])
    assert found.history[-1] < 8e-9 * 1.1 * SPEC.parameters
    assert align_weights(SPEC, found.weights, one).after[0] < 1e-8 * SPEC.parameters


def test_blocks_change_no_bit() -> None:
    weights = fields()
    whole = mean_reference(SPEC, lambda: [weights])
    cut = mean_reference(SPEC, lambda: iter([weights[:0], weights[:5], weights[5:6], weights[6:]]))
    assert np.array_equal(whole.weights, cut.weights)
    assert whole.history == cut.history


@pytest.mark.parametrize(
    ("distances", "rounds", "best"),
    [
        ([5.0, 3.0, 4.0, 1.0], 3, 1),  # the last round is not the best
        ([5.0, 3.0, 2.9999, 1.0], 3, 2),
        ([5.0, 6.0, 1.0], 2, 0),
        ([0.9**i for i in range(20)], ROUNDS, ROUNDS - 1),
    ],
)
def test_the_best_of_all_rounds_is_kept(
    monkeypatch: pytest.MonkeyPatch, distances: list[float], rounds: int, best: int
) -> None:
    """Alignment is replaced: the field given for round i is i everywhere, and its distance is told."""
    told, calls = iter(enumerate(distances, start=1)), []

    def aligned(spec: FieldSpec, reference: Rows, block: Rows, *, group: Group) -> Aligned:
        number, distance = next(told)
        one = np.ones(1)
        return Aligned(
            np.full_like(block, number), Element.identity(spec, 1), one, distance * one, np.ones(1, np.int32)
        )

    def blocks() -> list[Rows]:
        calls.append(1)
        return [np.zeros((1, SPEC.parameters), np.float32)]

    monkeypatch.setattr("neuralviews.symmetry.reference.align_weights", aligned)
    found = mean_reference(SPEC, blocks)
    assert found.history == tuple(distances[:rounds])
    assert (found.weights == best).all()
    assert len(calls) == rounds + 1 <= 11


def test_no_fields_have_no_reference() -> None:
    with pytest.raises(SpecError, match=r"mean reference: found no fields of dims \[2, 32, 32, 1\]"):
        mean_reference(SPEC, list)

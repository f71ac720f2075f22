"""The baseline of alignment is weight matching, and does what is claimed of it."""

import numpy as np
import torch

from neuralviews.draws import Draws
from neuralviews.field import FieldSpec
from neuralviews.fit.init import initial_weights
from neuralviews.symmetry import Element

from .weight_matching import flat, matched, mixed, tensors

SPEC = FieldSpec([2, 12, 9, 1])


def test_it_undoes_a_permutation_and_no_more() -> None:
    a = initial_weights(SPEC, "siren", [1])[0]
    draws, generator = Draws(np.array([5], np.uint64)), torch.Generator().manual_seed(0)
    for group in ("perm", "sign"):
        b = Element.random(SPEC, draws, group).apply(a)  # type: ignore[arg-type]
        brought = flat(matched(tensors(SPEC, a), tensors(SPEC, b), generator))
        assert np.array_equal(brought, a) == (group == "perm")


def test_it_mixes_as_its_shares_say() -> None:
    a, b = initial_weights(SPEC, "siren", [1, 2])
    mean = flat(mixed(tensors(SPEC, a), tensors(SPEC, b), 0.25))
    assert np.allclose(mean, 0.25 * a + 0.75 * b, atol=1e-7)

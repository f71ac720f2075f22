"""Stores brought next to one reference: the same functions, nearer, and a reference to take again."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.basin import align_plan, align_store
from neuralviews.augment.run import augment_store
from neuralviews.errors import NotAStore, PlanError, SpecError
from neuralviews.field import evaluate
from neuralviews.grids import image_grid
from neuralviews.records import Status
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.symmetry.group import Group

from ..made_stores import digits_recipe, make_store
from .plans import TURN, params_of, plan_of


@pytest.fixture(scope="module")
def aligned(parent: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("aligned") / "store"
    assert align_store(parent, root).made == 118
    return open_store(root)


def reference_of(store: Store) -> np.ndarray:
    step = store.job["plan"]["pipelines"][0]["steps"][0]
    return AlignTo(step["reference"], step["group"]).weights


def test_every_usable_field_of_every_split_is_aligned(aligned: Store, parent: Store) -> None:
    usable = np.flatnonzero(parent.column("status") != Status.diverged)
    np.testing.assert_array_equal(aligned.column("parent_a"), usable)
    for name in ("object_id", "view", "label", "split"):
        np.testing.assert_array_equal(aligned.column(name), parent.column(name)[usable])
    verify(aligned.root, "semantic", parent)


def test_aligned_fields_are_the_same_functions(aligned: Store, parent: Store) -> None:
    x = image_grid(8, 8, parent.spec.axis_order)
    before = evaluate(parent.spec, parent.weights(aligned.column("parent_a").astype(np.int64)), x)
    after = evaluate(parent.spec, aligned.weights(np.arange(len(aligned))), x)
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert (aligned.column("psnr") > 80).all()


def test_aligned_fields_are_nearer_to_the_reference(aligned: Store, parent: Store) -> None:
    reference = reference_of(aligned).astype(np.float64)
    before = ((parent.weights(aligned.column("parent_a").astype(np.int64)) - reference) ** 2).sum(axis=1)
    after = ((aligned.weights(np.arange(len(aligned))) - reference) ** 2).sum(axis=1)
    assert (after <= before).all()
    assert after.mean() < 0.8 * before.mean()


@pytest.mark.parametrize("group", ["perm", "sign"])
def test_only_the_symmetries_asked_for_are_used(parent: Store, tmp_path: Path, group: Group) -> None:
    align_store(parent, tmp_path / group, group=group)
    params = params_of(open_store(tmp_path / group), np.arange(118))
    assert set(params) == {
        f"align_to.{part}" for part in ("perm", "sign") if part == "perm" or group == "sign"
    }


def test_a_reference_is_taken_from_a_store_that_was_aligned(
    aligned: Store, parent: Store, tmp_path: Path
) -> None:
    augment_store(parent, plan_of({"turn": [TURN]}), tmp_path / "turned")
    align_store(tmp_path / "turned", tmp_path / "again", reference=aligned.root)
    again = open_store(tmp_path / "again")
    np.testing.assert_array_equal(reference_of(again), reference_of(aligned))
    parents = open_store(tmp_path / "turned").column("parent_a")[again.column("parent_a").astype(np.int64)]
    first = aligned.weights(np.searchsorted(aligned.column("parent_a"), parents))
    same = (abs(again.weights(np.arange(len(again))) - first) < 1e-5).all(axis=1)
    assert same.mean() > 0.9  # whichever symmetric copy a field was, it comes to lie at the same place


def test_the_reference_is_of_training_fields_alone(parent: Store, tmp_path: Path) -> None:
    held_out = np.flatnonzero(parent.column("split") != 0)
    other = make_store(tmp_path / "other", diverged=(5, 70, *held_out.tolist()))
    assert align_plan(other, "mean", "phase").pipelines == align_plan(parent, "mean", "phase").pipelines


def test_references_that_are_none(aligned: Store, parent: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(PlanError, match=r"was not aligned to anything; expected 'mean', or a store that"):
        align_store(parent, out, reference=parent.root)
    augment_store(parent, plan_of({"turn": [TURN]}, splits=["val"]), tmp_path / "val")
    with pytest.raises(PlanError, match=r"was not aligned to anything"):
        align_store(parent, out, reference=tmp_path / "val")
    with pytest.raises(PlanError, match=r"reference: found '.*none', expected 'mean' or the folder of an al"):
        align_store(parent, out, reference=tmp_path / "none")
    with pytest.raises(NotAStore, match=r"holds no store"):
        align_store(parent, out, reference=tmp_path)
    with pytest.raises(PlanError, match=r"val: has no usable training field to take a mean of; choose"):
        align_store(tmp_path / "val", out)
    wider = make_store(tmp_path / "wider", digits_recipe(field={"dims": [2, 7, 5, 1]}), objects=2)
    with pytest.raises(SpecError, match=r"aligned fields \[2, 6, 5, 1\], .* has \[2, 7, 5, 1\], .*: choose"):
        align_store(wider, out, reference=aligned.root)
    assert not out.exists()
    assert align_store(tmp_path / "val", out, reference=aligned.root).made == 11

"""Fields of a run: only what the protocol allows is ever read, and labels and inputs are what is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.batch import Batch
from neuralviews.augment.context import context_of, labels_of
from neuralviews.errors import SpecError
from neuralviews.evaluate.augments import augmentation
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import (
    Fields,
    active_records,
    forget_fields,
    held_out,
    training_fields,
)
from neuralviews.evaluate.prepare import Preparation
from neuralviews.evaluate.readers.registry import build_reader, reader_class
from neuralviews.evaluate.training import Training, train
from neuralviews.records import Split
from neuralviews.statistics.moments import tensors
from neuralviews.store.reader import Store

from .stores import objects_of, readable_store

ROOT = 5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("fields") / "store")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The records whose weights anybody reads."""
    seen: set[int] = set()
    original = Store.weights

    def recording(self: Store, rows: NDArray[np.int64], out: NDArray[np.float32] | None = None) -> object:
        seen.update(np.asarray(rows).tolist())
        return original(self, rows, out)

    monkeypatch.setattr(Store, "weights", recording)
    forget_fields()
    return seen


def fields_of(store: Store, condition: Condition) -> Fields:
    return training_fields(
        store, condition, reader_class(condition.reader), augmentation(condition.augment), ROOT
    )


def trained(store: Store, condition: Condition) -> None:
    fields = fields_of(store, condition)
    reader = build_reader(condition.reader, store.spec, fields.classes, seed=1, hidden=4)
    kept = [held_out(store, split, fields.prepare) for split in (Split.val, Split.test)]
    train(reader, fields, kept[0], kept[1], condition, Training(12, 8))


@pytest.mark.parametrize("augment", ["none", "mixup", "sign-flip+aligned-mixup"])
@pytest.mark.parametrize("reader", ["mlp", "mlp-aligned"])
def test_nothing_held_back_is_ever_read(store: Store, read: set[int], reader: str, augment: str) -> None:
    """Neither views beyond the first n, objects that are not trained on, nor their normalization."""
    condition = Condition(reader, 2, augment, objects=15, reweight="multiplicative", label_noise=0.2)
    active = {*active_records(store, 2, 15, ROOT).tolist()}
    split, view = store.column("split"), store.column("view")
    first = {*np.flatnonzero((split != Split.train) & (view == 0)).tolist()}
    trained(store, condition)
    assert read == active | first
    assert {*split[list(active)].tolist()} == {Split.train}
    assert {*view[list(active)].tolist()} == {0, 1}
    assert len({*store.column("object_id")[list(active)].tolist()}) == 15
    read.clear()
    fields_of(store, condition).batch(np.arange(8), 3)
    assert read <= active


def test_the_published_leak_reads_the_views_and_objects_held_back(store: Store, read: set[int]) -> None:
    trained(store, Condition("mlp", 1, "mixup", objects=15, partners="all"))
    split, view = store.column("split"), store.column("view")
    found = np.array(sorted(read))
    assert (view[found][split[found] == Split.train] > 0).any()
    assert not (view[found][split[found] != Split.train] > 0).any()
    assert len({*store.column("object_id")[found[split[found] == Split.train]].tolist()}) > 15


def test_fewer_objects_are_some_of_more(store: Store) -> None:
    def owners(objects: int | None, root: int = ROOT) -> set[int]:
        rows = active_records(store, 2, objects, root)
        return {*store.column("object_id")[rows].tolist()}

    assert owners(5) < owners(12) < owners(None) == objects_of(store, Split.train)
    assert owners(12) != owners(12, ROOT + 1)


def test_fits_that_diverged_leave_objects_the_same_for_all_views(tmp_path: Path) -> None:
    """Objects are numbered by 3 records each; every third one lacks its first view, others the second."""
    lost = [3 * item + (item % 3 == 1) for item in range(90) if item % 3 < 2]
    store = readable_store(tmp_path / "store", diverged=lost)
    owner = store.column("object_id")
    usable = {*owner[active_records(store, 1, None, ROOT)].tolist()}
    assert len(usable) < len(objects_of(store, Split.train))
    for objects in (5, len(usable)):
        chosen = [{*owner[active_records(store, views, objects, ROOT)].tolist()} for views in (1, 2, 3)]
        assert chosen[0] == chosen[1] == chosen[2]
        assert len(chosen[0]) == objects
        assert chosen[0] <= usable
    with pytest.raises(SpecError, match=f"has {len(usable)} training objects whose first view is usable"):
        active_records(store, 3, len(usable) + 1, ROOT)


def test_the_normalization_is_that_of_prepared_active_fields(store: Store) -> None:
    for name in ("mlp", "mlp-aligned"):
        fields = fields_of(store, Condition(name, 2))
        weights = fields.clean(np.arange(len(fields))).weights.numpy().astype(np.float64)
        for _, part in tensors(store.spec):
            assert abs(weights[:, part].mean()) < 1e-5
            assert abs(weights[:, part].std() - 1) < 1e-5


def test_aligned_fields_lie_next_to_the_reference_after_augmentation(store: Store) -> None:
    """An exact symmetry is undone, so that a reader of aligned fields is given the same field again."""
    fields = fields_of(store, Condition("mlp-aligned", 2, "random-symmetry"))
    index = np.arange(10)
    reference = fields.prepare.reference
    assert reference is not None
    batch = Batch.of(
        context_of(store), store.weights(fields.rows[index]), labels_of(store, fields.rows[index])
    )
    align = AlignTo.of(reference)
    expected = align.apply(batch, align.sample(batch, None)).weights  # type: ignore[arg-type]
    assert fields.prepare.normalizer is not None
    fields.prepare.normalizer.normalize(expected)
    assert np.array_equal(fields.clean(index).weights.numpy(), expected)
    assert not np.array_equal(fields.batch(index, 0).weights.numpy(), fields.batch(index, 1).weights.numpy())


def test_aligned_fields_are_the_same_where_memory_does_not_hold_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition, index = Condition("mlp-aligned", 2), np.arange(3, 30, 2)
    held, kept = (fields_of(store, condition), held_out(store, Split.test, Preparation(store.spec)))
    assert held.kept is not None
    assert kept.kept is None, "nothing is aligned, so nothing is kept"
    forget_fields()
    monkeypatch.setattr("neuralviews.evaluate.prepare._KEPT_BYTES", 0)
    anew = fields_of(store, condition)
    assert anew.kept is None
    assert np.array_equal(held.clean(index).weights.numpy(), anew.clean(index).weights.numpy())
    forget_fields()


def test_repetitions_of_a_condition_share_what_is_prepared(store: Store) -> None:
    one, other = (fields_of(store, Condition("mlp-aligned", 2, seed=seed)) for seed in (0, 1))
    assert one.kept is other.kept
    assert fields_of(store, Condition("mlp-aligned", 1, seed=1)).kept is not one.kept


def test_targets_of_mixed_fields_follow_from_partner_and_share(store: Store) -> None:
    fields = fields_of(store, Condition("mlp", 2, "sign-flip+mixup", label_noise=0.3))
    batch = fields.batch(np.arange(20), 4)
    assert batch.partner is not None
    assert batch.lam is not None
    hot = np.eye(fields.classes, dtype=np.float32)[fields.label]
    lam = batch.lam.numpy()[:, None]
    expected = lam * hot[batch.place.numpy()] + (1 - lam) * hot[batch.partner.numpy()]
    assert np.abs(batch.target.numpy() - expected).max() < 1e-6
    assert (batch.partner >= 0).all()
    assert torch.equal(batch.weights, fields.batch(np.arange(20), 4).weights)


def test_partners_of_a_class_are_those_that_are_labelled_so(store: Store, tmp_path: Path) -> None:
    """The true class would tell a reader which labels are wrong."""
    plan = tmp_path / "alike.toml"
    step = '{ op = "mixup", law = "uniform", partner = "class" }'
    plan.write_text(f'name = "alike"\n[[pipelines]]\nname = "alike"\nsteps = [{step}]\n')
    fields = fields_of(store, Condition("mlp", 3, str(plan), label_noise=0.4))
    batch = fields.batch(np.arange(len(fields)))
    assert batch.partner is not None
    assert (fields.label[batch.partner.numpy()] == fields.label).all()
    true = store.column("label")[fields.rows]
    assert (true[batch.partner.numpy()] != true).any()


def test_all_views_of_an_object_are_mistaken_alike(store: Store) -> None:
    condition = Condition("mlp", 3, label_noise=0.4)
    fields, true = fields_of(store, condition), fields_of(store, Condition("mlp", 3))
    owner = store.column("object_id")[fields.rows]
    wrong = {item: {*fields.label[owner == item].tolist()} for item in np.unique(owner).tolist()}
    assert {len(labels) for labels in wrong.values()} == {1}
    flipped = {*owner[fields.label != true.label].tolist()}
    assert len(flipped) == round(0.4 * len(wrong))
    assert np.array_equal(fields.shares.argmax(axis=1), fields.label)
    other = fields_of(store, replace(condition, seed=1))
    assert {*owner[other.label != true.label].tolist()} != flipped
    assert np.array_equal(
        held_out(store, Split.test, fields.prepare).label,
        store.column("label")[(store.column("split") == Split.test) & (store.column("view") == 0)],
    )

"""Training on augmented stores: the same names, soft labels from their columns, nothing that was rejected."""

from pathlib import Path

import numpy as np
import pytest
import torch

from neuralviews.augment import SignFlip
from neuralviews.augment.plan import Plan
from neuralviews.augment.run import augment_store
from neuralviews.data import ViewDataset
from neuralviews.errors import IntegrityError, StoreError
from neuralviews.records import Records, Status
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from ..made_stores import digits_recipe, made_records, make_store, started_store
from ..store.stores import make_copies_store, make_job, make_records

GOLDEN = Path(__file__).parents[1] / "golden" / "v1_augmented"
PLAN = Plan.checked(
    {
        "name": "mixed",
        "splits": ["train", "val"],
        "pipelines": [
            {"name": "flip", "steps": [{"op": "sign_flip"}]},
            {"name": "mix", "steps": [{"op": "mixup", "law": "uniform"}, {"op": "label_smoothing"}]},
        ],
        "reject": {"min_share": 0.4, "attempts": 1},
    },
    "plan",
)


@pytest.fixture(scope="module")
def augmented(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("augmented")
    parent = make_store(folder / "parent", objects=12)
    augment_store(parent, PLAN, folder / "store")
    return open_store(folder / "store")


@pytest.mark.parametrize("transform", [None, SignFlip(0.0)], ids=["plain", "with a transform"])
def test_soft_labels_are_those_of_the_columns(augmented: Store, transform: SignFlip | None) -> None:
    dataset = ViewDataset(augmented, transform=transform)
    assert dataset.classes == 10
    batch = dataset.collate(dataset.__getitems__(range(len(dataset))))
    columns = augmented.read(batch.record_id.numpy()).columns
    assert torch.allclose(batch.target.sum(dim=1), torch.ones(len(batch)), atol=1e-6)
    assert np.array_equal(batch.label.numpy(), columns["label"])
    assert np.array_equal(batch.weights.numpy(), augmented.weights(batch.record_id.numpy()))
    for target, classes, shares in zip(batch.target, columns["classes"], columns["shares"], strict=True):
        expected = np.full(10, (1 - shares.sum()) / 10)
        for k, share in zip(classes, shares, strict=True):
            expected[k] += share if k >= 0 else 0
        np.testing.assert_allclose(target, expected, atol=1e-6)


def test_rejected_copies_are_never_served(augmented: Store) -> None:
    rejected = augmented.column("status") == Status.diverged
    served = [ViewDataset(augmented, split) for split in ("train", "val")]
    assert rejected.any()
    assert sum(dataset.skipped for dataset in served) == rejected.sum()
    for dataset in served:
        assert not rejected[dataset.rows].any()


def test_a_split_that_the_plan_left_out(augmented: Store) -> None:
    with pytest.raises(StoreError, match=r"split 'test' has no usable record .*choose another split"):
        ViewDataset(augmented, "test")


@pytest.mark.parametrize("make", [lambda root: open_store(GOLDEN), make_copies_store], ids=["golden", "made"])
def test_stores_without_a_recipe(tmp_path: Path, make: object) -> None:
    dataset = ViewDataset(make(tmp_path / "store"))  # type: ignore[operator]
    batch = dataset.collate(dataset.__getitems__(range(len(dataset))))
    labelled = batch.label >= 0
    assert dataset.classes == 10
    assert torch.allclose(batch.target.sum(dim=1), labelled.float(), atol=1e-6)
    assert torch.equal(batch.target[labelled].argmax(dim=1), batch.label[labelled])


def test_labels_beyond_the_classes_are_refused(tmp_path: Path) -> None:
    recipe = digits_recipe()
    writer = started_store(tmp_path / "store", recipe, 4)
    base = made_records(recipe, 4)
    label = np.full(len(base), 12, np.int32)
    writer.commit(0, Records(base.spec, base.weights, dict(base.columns) | {"label": label}))
    writer.finalize()
    with pytest.raises(IntegrityError, match="store: found label 12, expected one of its 10 classes"):
        ViewDataset(tmp_path / "store")


def test_classes_are_listed_however_many_there_are(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_job(rows=6, rows_per_shard=6))
    base = make_records(range(6))
    label = np.array([0, -1, 3, 99_999, 99_999, -1], np.int32)
    same = {"label": label, "split": np.zeros(6, np.uint8), "status": np.ones(6, np.uint8)}
    writer.commit(0, Records(base.spec, base.weights, dict(base.columns) | same))
    writer.finalize()
    dataset = ViewDataset(tmp_path / "store")
    assert dataset.classes == 100_000
    items = dataset.__getitems__(range(6))
    assert items.target.sum(dim=1).tolist() == [1, 0, 1, 1, 1, 0]
    assert items.target.argmax(dim=1)[label >= 0].tolist() == [0, 3, 99_999, 99_999]

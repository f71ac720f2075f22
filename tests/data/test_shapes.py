"""Training on fields of shapes: like any others, and chosen by how true they are."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from neuralviews.augment import AlignedMixUp
from neuralviews.data import ViewDataset
from neuralviews.data.batch import Graph
from neuralviews.records import NO_IOU, ShapeTarget
from neuralviews.store.reader import Store

from ..made_stores import make_shapes_store


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_shapes_store(tmp_path_factory.mktemp("shapes") / "store")


def test_a_batch_is_gathered_in_every_layout(shapes: Store) -> None:
    dataset = ViewDataset(shapes, layout="graph", normalize="layer")
    (batch,) = DataLoader(dataset, batch_size=len(dataset), collate_fn=dataset.collate)
    assert isinstance(batch.weights, Graph)
    assert batch.weights.nodes.shape == (24, 3 + 6 + 5 + 1, 1)
    assert (dataset.classes, batch.target.shape) == (4, (24, 4))


def test_records_are_chosen_by_their_columns(shapes: Store) -> None:
    dataset = ViewDataset(shapes, split="train")
    iou, repairs = shapes.column("iou")[dataset.rows], shapes.column("repairs")[dataset.rows]
    good = np.flatnonzero(iou > 0.95)
    chosen = torch.utils.data.Subset(dataset, good.tolist())
    assert 0 < len(chosen) < len(dataset)
    assert min(shapes.record(chosen[i].record_id)["iou"] for i in range(len(chosen))) > 0.95
    assert repairs.shape == (len(dataset), 5)
    unsigned = shapes.column("target")[dataset.rows] == ShapeTarget.udf
    assert (iou[unsigned] == NO_IOU).all()
    assert unsigned.sum() == 3


def test_fields_of_shapes_are_mixed_after_alignment(shapes: Store) -> None:
    dataset = ViewDataset(shapes, transform=AlignedMixUp(law="uniform"))
    batch = dataset.collate(dataset.__getitems__(range(len(dataset))))
    assert torch.isfinite(batch.weights).all()
    assert (batch.target.max(dim=1).values < 1).any()
    assert not torch.equal(batch.weights, torch.from_numpy(shapes.weights(batch.record_id.numpy())))

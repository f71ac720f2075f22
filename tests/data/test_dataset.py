"""Views of a split as torch's DataLoader takes them: which, in what order, and the same from any worker."""

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset

from neuralviews.data import Layers, ViewBatch, ViewDataset
from neuralviews.errors import SpecError, StoreError
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store

DIVERGED = (0, 4, 6, 7, 8)  # object 0 loses view 0, object 1 view 1, object 2 all three


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("data") / "store")


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("data") / "store", diverged=DIVERGED)


def loaded(dataset: ViewDataset, **options: object) -> list[ViewBatch]:
    return list(DataLoader(dataset, batch_size=7, collate_fn=dataset.collate, **options))  # type: ignore[arg-type]


def ids(batches: list[ViewBatch]) -> list[int]:
    return torch.cat([batch.record_id for batch in batches]).tolist()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_all_views_of_exactly_the_split(store: Store, split: str) -> None:
    dataset = ViewDataset(store, split)
    found = ids(loaded(dataset))
    assert found == np.flatnonzero(store.column("split") == Split[split]).tolist()
    assert len(dataset) == len(found)
    assert dataset.skipped == 0


def test_batches_hold_what_the_store_holds(store: Store) -> None:
    for batch in loaded(ViewDataset(store), shuffle=True, generator=torch.Generator().manual_seed(5)):
        records = store.read(batch.record_id.numpy())
        assert isinstance(batch.weights, torch.Tensor)
        assert np.array_equal(batch.weights.numpy(), records.weights)
        for name in ("label", "object_id", "view"):
            found = getattr(batch, name)
            assert found.dtype == torch.int64
            assert np.array_equal(found.numpy(), records.columns[name])


def test_items_equal_rows_of_batches(store: Store) -> None:
    dataset = ViewDataset(store, "val")
    batch = loaded(dataset)[0]
    item = dataset[3]
    assert isinstance(batch.weights, torch.Tensor)
    assert torch.equal(item.weights, batch.weights[3])
    assert item.record_id == batch.record_id[3]
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_first_views(store: Store) -> None:
    dataset = ViewDataset(store, views=2)
    views = torch.cat([batch.view for batch in loaded(dataset)])
    objects = torch.cat([batch.object_id for batch in loaded(dataset)])
    assert views.tolist() == [0, 1] * (len(dataset) // 2)
    assert (objects[0::2] == objects[1::2]).all()
    assert len(ViewDataset(store, views=3)) == len(ViewDataset(store)) == len(dataset) // 2 * 3


def test_diverged_fields_are_left_out(flawed: Store) -> None:
    everything = np.flatnonzero(flawed.column("split") == Split.train)
    expected = [row for row in everything.tolist() if row not in DIVERGED]
    dataset = ViewDataset(flawed)
    assert ids(loaded(dataset)) == expected
    assert dataset.skipped == len(everything) - len(expected) > 0


class TestRandomViews:
    def test_one_view_of_each_object_an_epoch(self, store: Store) -> None:
        dataset = ViewDataset(store, views="random")
        objects = np.unique(store.column("object_id")[store.column("split") == Split.train])
        for epoch in range(3):
            dataset.set_epoch(epoch)
            batches = loaded(dataset)
            assert torch.cat([batch.object_id for batch in batches]).tolist() == objects.tolist()
        assert len(dataset) == len(objects)

    def test_every_usable_view_is_equally_likely(self, flawed: Store) -> None:
        dataset = ViewDataset(flawed, views="random")
        drawn: Counter[tuple[int, int]] = Counter()
        epochs = 600
        for epoch in range(epochs):
            dataset.set_epoch(epoch)
            objects, views = (flawed.column(name)[dataset.rows] for name in ("object_id", "view"))
            drawn.update(zip(objects.tolist(), views.tolist(), strict=True))
        usable = Counter(flawed.column("object_id")[ViewDataset(flawed).rows].tolist())
        assert {row for row, _ in drawn} == set(usable)
        for (object_id, _), count in drawn.items():
            chance = 1 / usable[object_id]
            deviation = (epochs * chance * (1 - chance)) ** 0.5
            assert abs(count - epochs * chance) <= 5 * deviation

    def test_the_draw_follows_from_seed_dataset_and_epoch(self, store: Store, flawed: Store) -> None:
        def rows(store: Store, seed: int, epoch: int) -> list[int]:
            dataset = ViewDataset(store, views="random", seed=seed)
            dataset.set_epoch(epoch)
            return dataset.rows.tolist()

        assert rows(store, 1, 4) == rows(store, 1, 4)
        variants = [rows(store, 1, 4), rows(store, 1, 5), rows(store, 2, 4), rows(flawed, 1, 4)]
        assert len({tuple(variant) for variant in variants}) == 4

    @pytest.mark.parametrize("persistent", [False, True])
    def test_workers_follow_the_epoch(self, store: Store, persistent: bool) -> None:
        dataset = ViewDataset(store, views="random")
        loader = DataLoader(
            dataset, 5, collate_fn=dataset.collate, num_workers=2, persistent_workers=persistent
        )
        for epoch in (0, 1, 2):
            dataset.set_epoch(epoch)
            assert ids(list(loader)) == dataset.rows.tolist()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_see_the_same_bytes(store: Store, context: str) -> None:
    dataset = ViewDataset(store, "train", layout="layers")
    here = loaded(dataset)
    there = loaded(dataset, num_workers=2, multiprocessing_context=context)
    assert ids(here) == ids(there)
    for mine, theirs in zip(here, there, strict=True):
        assert isinstance(mine.weights, Layers)
        assert isinstance(theirs.weights, Layers)
        for one, other in zip(mine.weights.weights, theirs.weights.weights, strict=True):
            assert torch.equal(one, other)


def test_a_pickled_dataset_is_the_same(store: Store) -> None:
    dataset = ViewDataset(store, "val", views="random", layout="graph", seed=9)
    dataset.set_epoch(3)
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.rows.tolist() == dataset.rows.tolist()
    assert copy.layout == "graph"


def test_wrappers_of_torch_keep_working(store: Store) -> None:
    dataset = ViewDataset(store, "val")
    subset = Subset(dataset, [4, 2])
    batch = next(iter(DataLoader(subset, 2, collate_fn=dataset.collate)))
    assert batch.record_id.tolist() == dataset.rows[[4, 2]].tolist()
    joined = ConcatDataset([dataset, ViewDataset(store, "test")])
    batches = list(DataLoader(joined, 16, collate_fn=dataset.collate))
    assert len(ids(batches)) == len(joined)
    plain = next(iter(DataLoader(dataset, 4)))  # torch's own collate, on the very same items
    assert torch.equal(plain.weights, loaded(dataset)[0].weights[:4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "valid"}, r"split: found 'valid', expected one of train, val, test"),
        ({"split": ["train", "val"]}, r"split: found \['train', 'val'\], expected one of train, val, test"),
        ({"views": [1]}, r"views: found \[1\], expected 'all', 'random' or a number from 1 to 3"),
        ({"views": 4}, r"views: found 4, but the views in .* are numbered up to 2; expected 1 to 3: n takes"),
        ({"views": 0}, r"views: found 0, but the views in .* are numbered up to 2; expected 1 to 3"),
        ({"views": 2.0}, r"views: found 2\.0, expected 'all', 'random' or a number from 1 to 3"),
        ({"seed": 1.5}, r"seed: found 1\.5, expected an integer"),
        ({"seed": True}, r"seed: found True, expected an integer"),
        ({"views": "first"}, r"views: found 'first', expected 'all', 'random' or a number from 1 to 3"),
        ({"views": True}, r"views: found True, expected 'all'"),
        ({"layout": "nfn"}, r"layout: found 'nfn', expected one of flat, layers, graph"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        ViewDataset(store, **options)  # type: ignore[arg-type]


def test_it_prints_in_a_line(store: Store) -> None:
    text = repr(ViewDataset(store, "val", views=2))
    assert (
        text
        == f"<ViewDataset {store!r}, split 'val', views 2: {len(ViewDataset(store, 'val', views=2))} items>"
    )


@pytest.mark.parametrize("epoch", [-1, 1.5, "1", True])
def test_epochs_that_are_none_are_refused(store: Store, epoch: Any) -> None:
    with pytest.raises(SpecError, match=f"epoch: found {epoch!r}, expected an integer, 0 or more"):
        ViewDataset(store, views="random").set_epoch(epoch)


def test_arguments_may_be_numbers_of_numpy_and_splits(store: Store) -> None:
    plain = ViewDataset(store, "val", views="random", seed=3)
    same = ViewDataset(store, Split.val, views="random", seed=np.int64(3))  # type: ignore[arg-type]
    for dataset in (plain, same):
        dataset.set_epoch(np.int64(5))  # type: ignore[arg-type]
    assert plain.rows.tolist() == same.rows.tolist()
    assert (same.split, same.seed) == ("val", 3)
    two = ViewDataset(store, "val", views=np.uint16(2))  # type: ignore[arg-type]
    assert two.rows.tolist() == ViewDataset(store, "val", views=2).rows.tolist()
    assert repr(two) == repr(ViewDataset(store, "val", views=2))


class TestViewsNumberedByOthers:
    """n takes the views numbered below n, wherever an object's numbers begin and whatever it lacks."""

    def test_numbers_from_one(self, tmp_path: Path) -> None:
        store = make_imported(tmp_path / "store", objects=(0, 1), views=(1, 2, 3), split=[Split.train] * 2)
        assert [len(ViewDataset(store, views=n)) for n in (2, 3, 4)] == [2, 4, 6]
        with pytest.raises(
            SpecError, match=r"views in .* are numbered up to 3; expected 1 to 4: n takes the"
        ):
            ViewDataset(store, views=5)
        with pytest.raises(StoreError, match=r"choose another split, or more views$") as error:
            ViewDataset(store, views=1)
        assert "'train' has no usable record among the views numbered below 1 (0 diverged" in str(error.value)

    def test_a_diverged_view_is_not_made_up_for(self, tmp_path: Path) -> None:
        recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0})
        store = make_store(tmp_path / "store", recipe, 2, diverged=[0])
        assert ViewDataset(store, views=2).rows.tolist() == [1, 3, 4]


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    store = make_store(tmp_path / "store", recipe, 5)
    with pytest.raises(
        StoreError,
        match=r"split 'val' has no usable record \(0 diverged or rejected; records: train 5, val 0",
    ):
        ViewDataset(store, "val")


def test_a_split_of_diverged_fields_is_refused(tmp_path: Path) -> None:
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    store = make_store(tmp_path / "store", recipe, 5, diverged=range(5))
    with pytest.raises(StoreError, match=r"split 'train' has no usable record \(5 diverged or rejected"):
        ViewDataset(store)


def test_a_folder_will_do(store: Store) -> None:
    assert len(ViewDataset(store.root, "train")) == len(ViewDataset(str(store.root), "train"))

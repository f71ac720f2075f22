"""Augmenting while training: the same copies in any batch, worker and order, of the fields in use alone."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from neuralviews.augment import (
    AffineCoords,
    AffineOutput,
    AlignedMixUp,
    Compose,
    GaussianNoise,
    LabelSmoothing,
    MixUp,
    PhaseShift,
    RandomSymmetry,
    SignFlip,
)
from neuralviews.augment.plan import load_plan
from neuralviews.augment.supply import Supply
from neuralviews.data import ViewBatch, ViewDataset
from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import FormatError, OptionError, SpecError
from neuralviews.field import evaluate
from neuralviews.grids import image_grid
from neuralviews.records import Records, Split
from neuralviews.seeds import derive_seed
from neuralviews.store.reader import Store, open_store

from ..made_stores import digits_recipe, made_records, make_store, photo_recipe, started_store
from ..store.stores import make_store as make_synthetic_store

GENERATED = Path(__file__).parents[1] / "golden" / "v1_generated"
EXACT = Compose([SignFlip(), PhaseShift(), AffineCoords(rotate=15)])
MIXED = Compose([SignFlip(), AlignedMixUp(law="uniform"), LabelSmoothing()])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("data") / "store", diverged=(0, 4))


def epoch_of(dataset: ViewDataset, epoch: int, **options: object) -> dict[str, Tensor]:
    """Everything that one epoch serves, in the order of the record ids."""
    dataset.set_epoch(epoch)
    loader = DataLoader(dataset, collate_fn=dataset.collate, **{"batch_size": 7, **options})  # type: ignore[arg-type]
    batches: list[ViewBatch] = list(loader)
    names = ("weights", "label", "target", "object_id", "view", "record_id")
    found = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in names}
    order = found["record_id"].argsort()
    return {name: tensor[order] for name, tensor in found.items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("transform", [EXACT, MIXED], ids=["exact", "mixed"])
class TestDeterminism:
    def test_batches_order_and_workers_change_nothing(self, store: Store, transform: Compose) -> None:
        dataset = ViewDataset(store, seed=3, transform=transform)
        expected = epoch_of(dataset, 2)
        shuffled = {"shuffle": True, "generator": torch.Generator().manual_seed(1)}
        assert equal(expected, epoch_of(dataset, 2, batch_size=16, **shuffled))
        assert equal(expected, epoch_of(dataset, 2, batch_size=1))
        assert equal(expected, epoch_of(dataset, 2, batch_size=9, num_workers=2, **shuffled))

    def test_each_epoch_and_seed_has_its_own(self, store: Store, transform: Compose) -> None:
        dataset = ViewDataset(store, seed=3, transform=transform)
        other = ViewDataset(store, seed=4, transform=transform)
        first = epoch_of(dataset, 0)
        for changed in (epoch_of(dataset, 1), epoch_of(other, 0)):
            assert torch.equal(changed["record_id"], first["record_id"])
            assert (changed["weights"] != first["weights"]).any(dim=1).all()
        assert equal(first, epoch_of(dataset, 0))

    def test_as_the_pipeline_makes_them(self, store: Store, transform: Compose) -> None:
        """By hand, with the parts that make augmented stores."""
        found = epoch_of(ViewDataset(store, views=2, seed=3, transform=transform), 5)
        rows = found["record_id"].numpy()
        draws = Draws(row_seeds(derive_seed(3, store.dataset_id, "transform", 5), rows))
        supply = Supply(store, rows)
        partners = None if transform.partner is None else supply.partners(rows, draws, transform.partner)
        batch, _ = transform.run(supply.batch(rows, partners), draws)
        assert np.array_equal(found["weights"].numpy(), batch.weights)
        assert np.array_equal(found["label"].numpy(), batch.labels.hard())
        assert np.array_equal(found["target"].numpy(), batch.labels.dense(10))

    def test_a_pickled_dataset_makes_the_same(self, store: Store, transform: Compose) -> None:
        dataset = ViewDataset(store, seed=3, transform=transform)
        assert equal(epoch_of(pickle.loads(pickle.dumps(dataset)), 1), epoch_of(dataset, 1))

    def test_stores_stay_as_they_were(self, store: Store, transform: Compose) -> None:
        before = store.weights(np.arange(len(store)))
        epoch_of(ViewDataset(store, transform=transform, normalize="layer"), 0)
        assert np.array_equal(store.weights(np.arange(len(store))), before)


def test_persistent_workers_follow_the_epoch(store: Store) -> None:
    dataset = ViewDataset(store, "val", transform=EXACT)
    expected = [epoch_of(dataset, epoch)["weights"] for epoch in (0, 1)]
    loader = DataLoader(dataset, 64, collate_fn=dataset.collate, num_workers=1, persistent_workers=True)
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        assert torch.equal(torch.cat([batch.weights for batch in loader]), expected[epoch])


def test_exact_copies_render_the_same(store: Store) -> None:
    found = epoch_of(ViewDataset(store, "val", transform=RandomSymmetry()), 0)
    before = store.weights(found["record_id"].numpy())
    grid = image_grid(5, 4, "xy")
    assert (found["weights"].numpy() != before).any(axis=1).all()
    rendered = (evaluate(store.spec, weights, grid) for weights in (found["weights"].numpy(), before))
    np.testing.assert_allclose(*rendered, atol=1e-4)


def test_random_views_are_augmented_too(store: Store) -> None:
    dataset = ViewDataset(store, views="random", transform=SignFlip(1.0))
    found = epoch_of(dataset, 4)
    assert sorted(dataset.rows.tolist()) == found["record_id"].tolist()
    original = torch.from_numpy(store.weights(found["record_id"].numpy()))
    first = store.spec.layers[0].weight
    assert torch.equal(found["weights"][:, first], -original[:, first])


def views_as_numbers(root: Path) -> Store:
    """All weights of a field are its view, plus 8 times its split."""
    recipe = digits_recipe()
    writer = started_store(root, recipe, 60)
    base = made_records(recipe, 60)
    number = base.columns["view"].astype(np.float32) + 8 * base.columns["split"].astype(np.float32)
    weights = np.repeat(number[:, None], base.spec.parameters, axis=1)
    records = Records(base.spec, weights, base.columns)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


@pytest.mark.parametrize("split", list(Split))
def test_partners_are_of_the_split_and_the_views_in_use(tmp_path: Path, split: Split) -> None:
    """Published code took partners from all views even where one was to be used."""
    store = views_as_numbers(tmp_path / "store")
    one = epoch_of(ViewDataset(store, split.name, views=1, transform=MixUp(law="uniform")), 0)
    assert set(one["weights"].unique().tolist()) == {8 * split}
    two = epoch_of(ViewDataset(store, split.name, views=2, transform=MixUp(law="uniform")), 0)
    share = two["weights"] - 8 * split
    assert share.min() >= 0
    assert share.max() <= 1
    assert ((share > 0) & (share < 1)).any()


class TestTargets:
    def test_one_class_each_without_a_transform(self, store: Store) -> None:
        dataset = ViewDataset(store)
        found = epoch_of(dataset, 0)
        assert dataset.classes == 10
        assert found["target"].dtype == torch.float32
        assert torch.equal(found["target"], torch.nn.functional.one_hot(found["label"], 10).float())

    def test_exact_transforms_keep_them(self, store: Store) -> None:
        plain, moved = (epoch_of(ViewDataset(store, transform=t), 0) for t in (None, EXACT))
        assert torch.equal(plain["target"], moved["target"])
        assert torch.equal(plain["label"], moved["label"])

    def test_mixtures_sum_to_1_and_the_larger_share_is_the_label(self, store: Store) -> None:
        found = epoch_of(ViewDataset(store, transform=MIXED), 0)
        target = found["target"]
        assert torch.allclose(target.sum(dim=1), torch.ones(len(target)), atol=1e-6)
        assert ((target > 0.02).sum(dim=1) == 2).any()
        largest = target.max(dim=1).values
        assert torch.equal(target[torch.arange(len(target)), found["label"]], largest)

    def test_smoothing_spreads_them(self, store: Store) -> None:
        found = epoch_of(ViewDataset(store, transform=LabelSmoothing(0.1)), 0)
        one_hot = torch.nn.functional.one_hot(found["label"], 10)
        assert torch.allclose(found["target"], 0.9 * one_hot + 0.01)

    def test_objects_without_labels(self, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        for transform in (None, GaussianNoise()):
            dataset = ViewDataset(made, transform=transform)
            found = epoch_of(dataset, 0)
            assert dataset.classes == 0
            assert found["target"].shape == (len(dataset), 0)
            assert (found["label"] == -1).all()

    def test_some_objects_without_labels_and_no_recipe(self, tmp_path: Path) -> None:
        """Objects have labels from -1 to 9, and the job states nothing but what the format asks for."""
        dataset = ViewDataset(make_synthetic_store(tmp_path / "store"), "val")
        found = epoch_of(dataset, 0)
        assert dataset.classes == 10
        none = found["label"] == -1
        assert none.any()
        assert not found["target"][none].any()
        assert torch.equal(found["target"][~none].argmax(dim=1), found["label"][~none])
        assert (found["target"][~none].sum(dim=1) == 1).all()

    def test_items_and_wrappers_carry_them(self, store: Store) -> None:
        dataset = ViewDataset(store, transform=MIXED)
        whole = epoch_of(dataset, 0)
        part = next(iter(DataLoader(Subset(dataset, [3, 1]), 2, collate_fn=dataset.collate)))
        assert torch.equal(part.target, whole["target"][[3, 1]])
        assert torch.equal(dataset[3].target, whole["target"][3])


def test_the_store_of_version_1() -> None:
    found = epoch_of(ViewDataset(GENERATED, transform=Compose([EXACT.steps[0], MixUp()])), 0)
    assert torch.allclose(found["target"].sum(dim=1), torch.ones(len(found["label"])))


class TestWhatCannotBe:
    @pytest.mark.parametrize("transform", [SignFlip, "sign_flip", [SignFlip()]])
    def test_no_augmentation(self, store: Store, transform: object) -> None:
        with pytest.raises(
            OptionError, match=r"transform: found .*, expected an augmentation such as SignFlip"
        ):
            ViewDataset(store, transform=transform)  # type: ignore[arg-type]

    def test_plans_are_told_where_their_steps_are(self, store: Store) -> None:
        plan = load_plan("contrastive")
        with pytest.raises(OptionError, match=r"a plan has some in plan\.pipelines\[0\]\.steps") as error:
            ViewDataset(store, transform=plan)  # type: ignore[arg-type]
        assert len(str(error.value)) < 400
        assert len(ViewDataset(store, transform=plan.pipelines[0].steps)) > 0

    def test_fields_of_another_kind(self, store: Store) -> None:
        with pytest.raises(
            SpecError, match="rotate_3d turns fields of 3 coordinates, these have 2; use rotate"
        ):
            ViewDataset(store, transform=AffineCoords(rotate_3d=10))

    def test_nobody_to_mix_with(self, tmp_path: Path) -> None:
        recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
        made = make_store(tmp_path / "store", recipe, 1)
        with pytest.raises(OptionError, match="found 1 records to mix with each other, expected 2 or more"):
            ViewDataset(made, transform=MixUp())

    def test_a_store_that_states_no_recipe(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="states no recipe"):
            ViewDataset(make_synthetic_store(tmp_path / "store"), transform=SignFlip())


def test_what_overflows_is_served_without_a_warning(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", objects=4)
    loud = Compose([AffineOutput(contrast=(50.0, 100.0))] * 24)
    weights = ViewDataset(store, transform=loud).__getitems__([0, 1]).weights
    assert not weights.isfinite().all()

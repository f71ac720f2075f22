"""Normalised weights: mean 0 and deviation 1 on the training split, by the same numbers everywhere else."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment import RandomSymmetry
from neuralviews.data import ViewDataset
from neuralviews.data.normalize import Normalization, Normalizer
from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import IntegrityError, SpecError, StoreError
from neuralviews.records import Records
from neuralviews.statistics.moments import STATISTICS_FILE, Statistics, kept_statistics, tensors
from neuralviews.store.canonical import canonical_json
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter
from neuralviews.symmetry.group import Element

from ..made_stores import make_store
from ..store.stores import copy_store, make_copies, make_copies_job, make_job, make_records

WAYS: tuple[Normalization, ...] = ("layer", "parameter")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("data") / "store", objects=80, diverged=(0, 4))


@pytest.fixture
def store(made: Store, tmp_path: Path) -> Store:
    return open_store(copy_store(made.root, tmp_path / "store"))


def served(dataset: ViewDataset) -> NDArray[np.float64]:
    return dataset.__getitems__(range(len(dataset))).weights.numpy().astype(np.float64)


def test_each_parameter_of_the_training_split(store: Store) -> None:
    weights = served(ViewDataset(store, normalize="parameter"))
    np.testing.assert_allclose(weights.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(weights.std(axis=0), 1, atol=1e-6)


def test_each_tensor_of_the_training_split(store: Store) -> None:
    weights = served(ViewDataset(store, normalize="layer"))
    for _, part in tensors(store.spec):
        assert abs(weights[:, part].mean()) < 1e-6
        assert weights[:, part].std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("by", WAYS)
def test_other_splits_take_the_numbers_of_the_training_split(store: Store, by: Normalization) -> None:
    dataset = ViewDataset(store, "val", normalize=by)
    found = Statistics.of(store)
    mean, std = found.per_tensor() if by == "layer" else (found.mean, found.std)
    np.testing.assert_allclose(served(dataset), (store.weights(dataset.rows) - mean) / std, atol=1e-5)


def test_views_in_use_do_not_matter(store: Store) -> None:
    all_views, first = (ViewDataset(store, views=n, normalize="parameter") for n in (3, 1))
    rows = np.flatnonzero(np.isin(all_views.rows, first.rows))
    assert np.array_equal(served(all_views)[rows], served(first))


@pytest.mark.parametrize("by", WAYS)
def test_it_comes_after_the_transform(store: Store, by: Normalization) -> None:
    plain, both = (ViewDataset(store, transform=RandomSymmetry(), normalize=n) for n in (None, by))
    expected = served(plain).astype(np.float32)
    Normalizer.of(store, by).normalize(expected)
    assert np.array_equal(served(both), expected)


def test_by_layer_it_does_not_matter_whether_units_are_permuted_before_or_after(store: Store) -> None:
    weights = store.weights(np.arange(20))
    element = Element.random(store.spec, Draws(row_seeds(3, np.arange(20))), "perm")
    normalizer = Normalizer.of(store, "layer")
    before, after = element.apply(weights), weights.copy()
    normalizer.normalize(before)
    normalizer.normalize(after)
    assert np.array_equal(before, element.apply(after))
    by_parameter = element.apply(weights)
    Normalizer.of(store, "parameter").normalize(by_parameter)
    assert not np.allclose(by_parameter, before, atol=0.1)


def test_a_parameter_that_never_varies_becomes_0(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_job(rows=30, rows_per_shard=30))
    base = make_records(range(30))
    base.weights[:, 3] = np.float32(0.1)
    writer.commit(0, Records(base.spec, base.weights, base.columns))
    writer.finalize()
    weights = served(ViewDataset(tmp_path / "store", normalize="parameter"))
    assert not weights[:, 3].any()
    assert np.isfinite(weights).all()


def test_deviations_below_any_normal_float32_do_not_divide(store: Store) -> None:
    kept = kept_statistics(store)
    path = store.root / STATISTICS_FILE
    document = json.loads(path.read_bytes())
    document["parameters"]["std"][3] = 1e-42
    path.write_bytes(canonical_json(document))
    weights = served(ViewDataset(store, normalize="parameter"))
    expected = store.weights(ViewDataset(store).rows)[:, 3] - np.float32(kept.mean[3])
    np.testing.assert_array_equal(weights[:, 3], expected)


def test_statistics_are_kept_in_the_folder_and_read_from_there(store: Store) -> None:
    expected = served(ViewDataset(store, normalize="layer"))
    assert (store.root / STATISTICS_FILE).exists()
    assert np.array_equal(served(ViewDataset(store.root, normalize="layer")), expected)
    (store.root / STATISTICS_FILE).write_text("{}\n")
    with pytest.raises(IntegrityError, match=STATISTICS_FILE):
        ViewDataset(store.root, normalize="layer")
    ViewDataset(store.root)  # nobody asked for them


def test_nothing_is_written_unless_asked_for(store: Store) -> None:
    ViewDataset(store)
    assert not (store.root / STATISTICS_FILE).exists()


def test_a_store_without_a_training_split(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_copies_job(rows=24, rows_per_shard=24))
    base = make_copies(range(24))
    writer.commit(
        0, Records(base.spec, base.weights, dict(base.columns) | {"split": np.full(24, 1, np.uint8)})
    )
    writer.finalize()
    with pytest.raises(
        StoreError, match="no usable record in the training split, whose statistics these would be"
    ):
        ViewDataset(tmp_path / "store", "val", normalize="layer")


def test_unknown_ways_are_refused(store: Store) -> None:
    with pytest.raises(SpecError, match="normalize: found 'batch', expected None, 'layer' or 'parameter'"):
        ViewDataset(store, normalize="batch")  # type: ignore[arg-type]

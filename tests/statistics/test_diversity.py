"""Distances between views: the pairs that were asked for, measured right, the same every time."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.draws import Draws, row_seeds
from neuralviews.errors import OptionError, SpecError, StoreError
from neuralviews.records import Records, Split
from neuralviews.statistics.diversity import Diversity, _pairs, diversity
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter
from neuralviews.symmetry.group import Element

from ..made_stores import digits_recipe, make_store
from ..store.stores import make_job, make_records

GENERATED = Path(__file__).parents[1] / "golden" / "v1_generated"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("diversity") / "store", objects=80, diverged=(0, 4, 6, 7, 8))


@settings(max_examples=100, deadline=None)
@given(
    groups=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12),
    seed=st.integers(0, 9),
)
def test_pairs_are_of_one_group_and_of_two_parts(groups: list[tuple[int, int]], seed: int) -> None:
    within = np.array([group for group, _ in groups])
    apart = np.array([part for _, part in groups])  # the same part may stand in several groups
    possible = {
        (i, j)
        for i in range(len(groups))
        for j in range(len(groups))
        if within[i] == within[j] and apart[i] != apart[j]
    }
    pairs = _pairs(within, apart, Draws(row_seeds(seed, np.arange(3000))))
    if not possible:
        assert pairs is None
        return
    assert pairs is not None
    drawn = list(zip(*(side.tolist() for side in pairs), strict=True))
    assert set(drawn) <= possible
    first = {i for i, _ in possible}
    for i, j in possible:
        chance = 1 / len(first) / sum(a == i for a, _ in possible)
        assert abs(drawn.count((i, j)) - 3000 * chance) <= 6 * (3000 * chance * (1 - chance)) ** 0.5 + 1e-9


def copies_of_three_fields(root: Path) -> Store:
    """Objects 0, 3 and 6 have three views each: one field, moved by random elements of the group."""
    writer = StoreWriter(root, make_job(rows=27, rows_per_shard=27))
    base = make_records(range(27))
    element = Element.random(base.spec, Draws(row_seeds(5, np.arange(27))))
    columns = dict(base.columns) | {"status": np.ones(27, np.uint8)}
    columns["label"] = (columns["object_id"] // 6).astype(np.int32)
    weights = element.apply(base.weights[np.arange(27) // 3 * 3])
    writer.commit(0, Records(base.spec, weights, columns))
    writer.finalize()
    return open_store(root)


def test_alignment_takes_out_what_is_only_symmetry(tmp_path: Path) -> None:
    store = copies_of_three_fields(tmp_path / "store")
    found = diversity(store, pairs=40)
    assert found.views is not None
    assert found.views.before > 1
    assert found.views.after < 1e-9
    assert found.ratio is not None
    assert found.ratio[0] > 0.5
    assert found.ratio[1] < 1e-9
    less = diversity(store, pairs=40, group="perm")
    assert less.views is not None
    assert less.views.before == found.views.before
    assert less.views.after > 0.1


def test_distances_are_those_of_the_pairs(tmp_path: Path) -> None:
    """Training objects 0 and 3 share class 0, object 6 has class 1: every kind of pair is there."""
    store = copies_of_three_fields(tmp_path / "store")
    rows = np.flatnonzero(store.column("split") == Split.train)
    weights = store.weights(rows).astype(np.float64)
    squares = ((weights[:, None] - weights[None]) ** 2).sum(axis=2)
    objects, labels = store.column("object_id")[rows], store.column("label")[rows]
    one_object, one_class = objects[:, None] == objects, labels[:, None] == labels
    found = diversity(store, pairs=3000)
    for distance, chosen in (
        (found.views, one_object & ~np.eye(len(rows), dtype=bool)),
        (found.same_class, one_class & ~one_object),
        (found.other_class, ~one_class),
    ):
        assert distance is not None
        assert distance.pairs == 3000
        assert squares[chosen].min() <= distance.before <= squares[chosen].max()
        assert distance.after <= distance.before


def test_the_same_numbers_every_time(store: Store) -> None:
    assert diversity(store, pairs=50) == diversity(open_store(store.root), pairs=50)
    assert diversity(store, pairs=50) != diversity(store, pairs=50, seed=1)
    assert diversity(store, pairs=50) != diversity(store, pairs=50, split="val")


def test_diverged_records_are_left_out(tmp_path: Path) -> None:
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=2)
    store = make_store(tmp_path / "store", recipe, 4, diverged=(0, 2, 4, 6))
    assert diversity(store, pairs=5).views is None  # one view of each object is left


def test_one_view_has_no_pair_of_views(tmp_path: Path) -> None:
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    found = diversity(make_store(tmp_path / "store", recipe, 30), pairs=5)
    assert found.views is None
    assert found.ratio is None
    assert found.same_class is not None
    assert found.other_class is not None


def test_objects_without_labels_are_classes_of_their_own(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_job(rows=27, rows_per_shard=27))
    base = make_records(range(27))
    writer.commit(
        0, Records(base.spec, base.weights, dict(base.columns) | {"label": np.full(27, -1, np.int32)})
    )
    writer.finalize()
    found = diversity(open_store(tmp_path / "store"), pairs=5)
    assert found.same_class is None
    assert found.views is not None
    assert found.other_class is not None


def test_the_store_of_version_1() -> None:
    found = diversity(open_store(GENERATED), pairs=20)
    assert isinstance(found, Diversity)
    assert found.other_class is not None
    assert found.other_class.after < found.other_class.before


def test_a_folder_and_a_split_will_do(store: Store) -> None:
    expected = diversity(store, pairs=5, split="val")
    assert diversity(store.root, pairs=np.int64(5), split=Split.val) == expected  # type: ignore[arg-type]
    assert diversity(str(store.root), pairs=5, split="val") == expected


def test_what_cannot_be_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="pairs: found 0, expected 1 to 1000000"):
        diversity(store, pairs=0)
    with pytest.raises(OptionError, match=r"pairs: found 2\.0, expected 1 to 1000000"):
        diversity(store, pairs=2.0)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="pairs: found 1000000000000, expected 1 to 1000000"):
        diversity(store, pairs=10**12)
    with pytest.raises(SpecError, match="group: found 'all'"):
        diversity(store, group="all")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="split: found 'valid', expected one of train, val, test"):
        diversity(store, split="valid")
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    with pytest.raises(StoreError, match="split 'val' has 0 usable records, expected 2 or more to compare"):
        diversity(make_store(tmp_path / "store", recipe, 5), split="val")

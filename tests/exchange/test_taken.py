"""Records that an export takes: sound ones, by object and view, a block at a time."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.run import augment_store
from neuralviews.errors import SpecError
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.exchange.taken import take
from neuralviews.store.reader import Store, open_store

from ..augment.plans import MIX, TURN, plan_of
from ..made_stores import digits_recipe, make_store
from .imported_stores import exported, make_imported


def test_sorted_by_object_and_view(tmp_path: Path) -> None:
    store = make_imported(
        tmp_path / "store", objects=(9, 2, 5), views=(4, 0), label=(1, 2, 3), split=(0, 1, 2)
    )
    taken = take(store, np.array([5, 0, 1, 4, 2]), None)
    assert taken.object_id.tolist() == [2, 5, 5, 9, 9]
    assert taken.view.tolist() == [4, 0, 4, 0, 4]
    assert taken.rows.tolist() == [2, 5, 4, 1, 0]
    assert taken.label.tolist() == [2, 3, 3, 1, 1]
    assert taken.split.tolist() == [1, 2, 2, 0, 0]
    assert taken.firsts.tolist() == [0, 1, 3]
    assert (len(taken), taken.views, taken.notes) == (5, 5, ())
    assert taken.weight_bytes == 5 * 4 * store.spec.parameters
    for place, weights in taken.fields():
        assert weights.tobytes() == store.weights([taken.rows[place]]).tobytes()


@pytest.mark.parametrize("size", [1, 4, 100])
def test_in_blocks(tmp_path: Path, size: int) -> None:
    store = make_imported(tmp_path / "store", views=2)
    taken = take(store, np.arange(len(store))[::-1], None)
    blocks = list(taken.blocks(size))
    assert [start for start, _ in blocks] == list(range(0, 24, size))
    assert (
        np.concatenate([records.weights for _, records in blocks]).tobytes()
        == store.weights(range(24)).tobytes()
    )
    assert np.concatenate([records.columns["view"] for _, records in blocks]).tolist() == [0, 1] * 12


def test_what_diverged_is_left_out(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", views=2, diverged=(0, 1, 5))
    taken = take(store, np.arange(len(store)), None)
    assert len(taken) == 21
    assert 0 not in taken.object_id
    assert taken.notes == ("3 records left out: they diverged or were rejected",)
    with pytest.raises(SpecError) as error:
        take(store, np.array([0, 5]), None)
    assert str(error.value) == f"{store.root}: no sound record is among those chosen; choose others"


def test_the_first_views_alone(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", views=(1, 2, 0))
    assert take(store, np.arange(len(store)), 2).view.tolist() == [0, 1] * 12
    late = make_imported(tmp_path / "late", views=(3, 4))
    with pytest.raises(SpecError, match="no sound record is among those chosen"):
        take(late, np.arange(len(late)), 3)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("mixed")
    plan = plan_of({"mix": [MIX]}, copies=3, splits=["train", "val", "test"])
    parent = make_store(folder / "parent", digits_recipe(field={"dims": [2, 6, 6, 1]}), 24)
    augment_store(parent, plan, folder / "copies")
    return open_store(folder / "copies")


class TestMixedCopies:
    """Copies of one object may have the labels of several."""

    @pytest.mark.parametrize("format", ["dwsnets", "multiview", "nfn", "implicit-zoo", "npz", "fit-a-nef"])
    def test_each_comes_back_as_an_object_of_its_own(self, mixed: Store, tmp_path: Path, format: str) -> None:
        labels: dict[int, set[int]] = {}
        for number, label in zip(mixed.column("object_id").tolist(), mixed.column("label"), strict=True):
            labels.setdefault(number, set()).add(int(label))
        assert max(map(len, labels.values())) > 1
        done = exported(mixed, format, tmp_path / "out")
        assert "copies are objects of their own here: several of one object have other labels" in done.notes
        import_store(tmp_path / "out", tmp_path / "store", ImportOptions(format=format))
        found = open_store(tmp_path / "store")
        assert found.column("object_id").tolist() == list(range(len(mixed)))
        assert not found.column("view").any()
        for name in ("label", "split"):
            np.testing.assert_array_equal(found.column(name), mixed.column(name))
        rows = np.arange(len(mixed))
        np.testing.assert_array_equal(found.weights(rows), mixed.weights(rows))

    def test_their_numbers_are_none_of_the_source(self, mixed: Store) -> None:
        taken = take(mixed, np.arange(len(mixed)), None)
        assert taken.facts.source_recipe is None
        one = take(mixed, np.flatnonzero(mixed.column("view") == 0), None)
        assert one.facts.source_recipe is not None
        assert one.object_id.tolist() == sorted({*mixed.column("object_id").tolist()})

    def test_copies_of_one_label_stay_views(self, tmp_path: Path) -> None:
        parent = make_store(tmp_path / "parent", objects=8)
        augment_store(parent, plan_of({"turn": [TURN]}, copies=2), tmp_path / "copies")
        store = open_store(tmp_path / "copies")
        taken = take(store, np.arange(len(store)), None)
        assert taken.object_id.tolist() == sorted(store.column("object_id").tolist())
        assert taken.notes == ("soft labels left out: each copy has the class with the largest share",)

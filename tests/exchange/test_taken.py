"""Records that an export takes: sound ones, by object and view, a block at a time."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.exchange.taken import take

from .imported_stores import make_imported


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

"""Stores of made fields and of copies of them, for all tests of augmented stores; none writes into them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralviews.augment.run import augment_store
from neuralviews.store.reader import Store, open_store

from ..made_stores import make_store
from .plans import EVERY, plan_of

DIVERGED = (5, 70)
SPLITS = ["train", "val", "test"]


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 fields of 40 digits, 3 views each, in all splits; two of them diverged."""
    return make_store(tmp_path_factory.mktemp("parents") / "parent", diverged=DIVERGED)


@pytest.fixture(scope="session")
def copies(parent: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Copies of every kind, of all splits and of the first two views of these fields."""
    root = tmp_path_factory.mktemp("copies") / "store"
    augment_store(parent, plan_of(EVERY, splits=SPLITS, views=2), root)
    return open_store(root)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a test makes its store."""
    return tmp_path / "copies"


@pytest.fixture(scope="session", autouse=True)
def small_shards() -> Iterator[None]:
    """Stores of some hundred copies have several shards here, as those of many thousand have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuralviews.augment.job._ROWS_WORTH_A_SHARD", 64)
        yield

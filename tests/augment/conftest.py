"""One store of made fields for all tests that augment a store; none of them writes into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralviews.store.reader import Store

from ..made_stores import make_store

DIVERGED = (5, 70)


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 fields of 40 digits, 3 views each, in all splits; two of them diverged."""
    return make_store(tmp_path_factory.mktemp("parents") / "parent", diverged=DIVERGED)


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

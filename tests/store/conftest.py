"""Finished stores of every kind, and a reader and a writer, for all tests of stores."""

from pathlib import Path

import pytest

from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from .stores import make_copies_store, make_imported_store, make_job, make_shapes_store, make_store


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished store of 100 records in 4 shards; tests must not change it."""
    root = tmp_path_factory.mktemp("finished") / "store"
    make_store(root)
    return root


@pytest.fixture(scope="session")
def finished_copies(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished store of 200 augmented copies of these records; tests must not change it."""
    root = tmp_path_factory.mktemp("finished-copies") / "store"
    make_copies_store(root, parent=open_store(finished).dataset_id)
    return root


@pytest.fixture(scope="session")
def finished_shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished store of 100 fields of shapes in 4 shards; tests must not change it."""
    root = tmp_path_factory.mktemp("finished-shapes") / "store"
    make_shapes_store(root)
    return root


@pytest.fixture(scope="session")
def finished_imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished store of 100 imported fields in 4 shards; tests must not change it."""
    root = tmp_path_factory.mktemp("finished-imported") / "store"
    make_imported_store(root)
    return root


@pytest.fixture(scope="module")
def store(finished: Path) -> Store:
    """A reader of this store; each file of tests has its own."""
    return open_store(finished)


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    """A writer of such a store, of which there is the job and no shard."""
    return StoreWriter(tmp_path / "store", make_job())

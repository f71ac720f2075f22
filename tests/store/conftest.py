from pathlib import Path

import pytest

from .stores import make_store


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a finished store of 100 records in 4 shards; tests must not change it."""
    root = tmp_path_factory.mktemp("finished") / "store"
    make_store(root)
    return root

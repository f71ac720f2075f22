"""The command line run in this process, as its console entry does, and stores to run it on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuralviews.cli.main import main
from neuralviews.field import FieldSpec
from neuralviews.store.writer import StoreWriter

from ..made_stores import contents, digits_recipe, make_store, photo_recipe, started_store
from ..store.stores import make_job, make_records
from ..store.stores import make_store as make_bare_store


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Call ``neuralviews`` with arguments; gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, out, err

    return call


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of digits, and whatever else may be handed in instead of one.

    Tests must not change it.
    """
    root = tmp_path_factory.mktemp("stores")
    make_store(root / "parent")
    make_store(root / "other", objects=4)
    make_store(root / "wider", digits_recipe(field={"dims": [2, 7, 5, 1]}), objects=2)
    make_store(root / "alone", digits_recipe(views=1), objects=1)
    make_store(root / "photos", photo_recipe(root / "files"), objects=9)
    make_bare_store(root / "bare")
    solid = FieldSpec([3, 5, 1])
    writer = StoreWriter(root / "solid", make_job(9, 9, solid))
    writer.commit(0, make_records(range(9), solid))
    writer.finalize()
    started_store(root / "unfinished", digits_recipe(), 4)
    (root / "empty").mkdir()
    damaged = make_store(root / "damaged").root / "shards" / "shard-000001.h5"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "out"


@pytest.fixture
def untouched(stores: Path, out: Path) -> Iterator[None]:
    """Whatever the test does, no store may change and nothing be written."""
    before = contents(stores)
    yield
    assert contents(stores) == before
    assert not out.exists()

"""Fields of real digits, fitted once."""

from pathlib import Path

import pytest

from neuralviews.exchange.compare import Comparison
from neuralviews.exchange.convention import Convention
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store

from .imported_stores import exported, make_imported

DIGITS = 30
STATED = Convention(30.0, output_offset=0.5)
"""What is stated of these fields."""


def fitted_recipe(**tables: object) -> Recipe:
    """A recipe that fits real digits in no time."""
    return recipe_from_canonical(
        {
            "name": "fitted",
            "views": 2,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 16, 16, 1], "output_offset": 0.5},
            "fit": {"steps": 60, "lr": 3e-3},
            "split": {"rule": "random", "val": 400, "test": 500},
            **tables,
        }
    )


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two views of the first digits, a real store; tests must not change it."""
    root = tmp_path_factory.mktemp("fitted") / "store"
    generate(fitted_recipe(), root, RunOptions(limit=DIGITS))
    return open_store(root)


@pytest.fixture(scope="session")
def digits() -> Comparison:
    """The images that these fields are of."""
    recipe = fitted_recipe()
    return Comparison(recipe, open_source(recipe))


@pytest.fixture(scope="session")
def views(fitted: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of these digits; tests must not change it."""
    out = tmp_path_factory.mktemp("fitted") / "multiview"
    exported(fitted, "multiview", out)
    return out


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Made-up fields: twelve objects, two views each."""
    return make_imported(tmp_path_factory.mktemp("made") / "store", views=2, image_shape=(8, 9))


@pytest.fixture(scope="session")
def folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of them; tests must not change it."""
    out = tmp_path_factory.mktemp("exported") / "multiview"
    exported(store, "multiview", out)
    return out


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two or three records, where a run would have one of thousands."""
    monkeypatch.setattr("neuralviews.exchange.job._ROWS_WORTH_A_SHARD", 2)
    monkeypatch.setattr("neuralviews.work.sizes._SHARDS_WANTED", 9)

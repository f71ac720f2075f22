"""``kill -9`` at random moments of an import, alone and two on a folder: nothing is lost or torn."""

from pathlib import Path

import pytest

from ..exchange.imported_stores import exported
from ..exchange.published_sets import packed
from ..made_stores import digits_recipe, make_store
from .storm import storm

OBJECTS = 700


def storm_of_imports(folder: Path, kills: int, seed: int) -> int:
    """A packed archive of fields, which make several shards."""
    store = make_store(folder / "made", digits_recipe(store={"rows_per_shard": 2000}), OBJECTS)
    exported(store, "multiview", folder / "multiview")
    archive = packed(folder / "multiview", folder / "multiview.tgz")

    def arguments(out: Path, workers: int) -> list[str]:
        return ["import", str(archive), "--out", str(out), "--from", "multiview", "--workers", str(workers)]

    return storm(folder, arguments, kills, seed)


def test_killed_imports_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_imports(tmp_path, kills=2, seed=1) >= 1


@pytest.mark.long
def test_many_killed_imports_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_imports(tmp_path, kills=40, seed=2) >= 30

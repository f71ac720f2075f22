"""A store that was opened by a relative path stays that store, whichever the current folder becomes."""

from pathlib import Path

import pytest

from neuralviews.augment.basin import align_store
from neuralviews.errors import OptionError, OutputError
from neuralviews.evaluate.evaluation import evaluate_store
from neuralviews.exchange.export import export
from neuralviews.remote.publish import publish
from neuralviews.report.page import report
from neuralviews.statistics.moments import STATISTICS_FILE, Statistics, kept_statistics, prove_kept
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from .made_stores import digits_recipe, make_store


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An open store ``a/store``, whose path leads from the folder that is current by now to ``b/store``."""
    for name in "ab":
        make_store(tmp_path / name / "store", digits_recipe(name=name))
    monkeypatch.chdir(tmp_path / "a")
    store = open_store("store")
    monkeypatch.chdir(tmp_path / "b")
    assert open_store("store").dataset_id != store.dataset_id
    return store


def test_statistics_are_kept_beside_their_store(moved: Store, tmp_path: Path) -> None:
    kept_statistics(moved)
    assert [*tmp_path.rglob(STATISTICS_FILE)] == [tmp_path / "a" / "store" / STATISTICS_FILE]
    assert Statistics.load(moved).dataset_id == moved.dataset_id
    assert prove_kept(moved)


def test_it_is_what_is_verified_augmented_and_published(moved: Store, tmp_path: Path) -> None:
    assert verify(moved).dataset_id == moved.dataset_id
    align_store(moved, tmp_path / "aligned")
    assert open_store(tmp_path / "aligned").job["parent"]["dataset_id"] == moved.dataset_id
    (tmp_path / "b" / "store" / "manifest.json").unlink()
    assert publish(moved, tmp_path / "release").dataset_id == moved.dataset_id


def test_nothing_is_put_into_it(moved: Store, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "store"
    with pytest.raises(OutputError, match="is or lies in the store that is augmented"):
        align_store(moved, inside / "aligned")
    with pytest.raises(OutputError, match="lies in the store, which holds nothing else"):
        evaluate_store(moved, inside / "results")
    with pytest.raises(OutputError, match="lies in the store, which holds nothing else"):
        report(moved, inside / "page.html")
    with pytest.raises(OptionError, match="which is in the store store; expected a folder of its own"):
        export(moved, None, "nfn", inside / "exported")
    with pytest.raises(OptionError, match=r"which is in the store .*; expected a folder of its own"):
        publish(moved, inside / "release")

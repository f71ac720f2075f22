"""Imported stores against the images that they were measured with: nothing that they state can be changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import IntegrityError, OptionError, SourceError
from neuralviews.exchange.remeasure import remeasure_import
from neuralviews.exchange.run import import_store
from neuralviews.fit.reproduce import open_store_source
from neuralviews.records import Records
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from ..subsets import subset_of
from .by_hand import made_layers, sequential, write
from .published_sets import DWSNETS, VIEWS, mnist

EVERY = np.arange(60)


@pytest.fixture(scope="module")
def measured(views: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("measured") / "store"
    import_store(views, root, replace(VIEWS, recipe="digits"))
    return open_store(root)


def forged(
    store: Store,
    root: Path,
    change: Callable[[Records], Mapping[str, Any]],
    job: Mapping[str, Any] | None = None,
) -> Store:
    records = store.read(np.arange(len(store)))
    changes = dict(change(records))
    made = Records(records.spec, changes.pop("weights", records.weights), {**records.columns, **changes})
    writer = StoreWriter(root, store.job if job is None else job)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, made.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def test_an_honest_store(measured: Store, tmp_path: Path) -> None:
    assert remeasure_import(measured, None, EVERY) == 60
    assert remeasure_import(measured, None, np.array([7, 3])) == 2
    assert remeasure_import(subset_of(measured, [3, 9, 11], tmp_path / "some"), None, np.arange(3)) == 3


def changed(name: str, by: float, row: int = 5) -> Callable[[Records], Mapping[str, Any]]:
    def change(records: Records) -> Mapping[str, Any]:
        column = records.columns[name].copy()
        column[row] += column.dtype.type(by)
        return {name: column}

    return change


def weighed(records: Records) -> Mapping[str, Any]:
    weights = records.weights.copy()
    weights[5, -1] += np.float32(1e-3)
    return {"weights": weights}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            changed("psnr", 1e-3),
            r"record 5 states psnr [0-9.]+, its weights and the source come to [0-9.]+: the",
        ),
        (
            changed("loss", 1e-6),
            r"record 5 states loss .*, its weights and the source come to .*: the store was",
        ),
        (changed("psnr", np.nan), r"record 5 states psnr nan, its weights and the source come to"),
        (weighed, r"record 5 states loss .*, its weights and the source come to"),
        (changed("object_id", 500), r"record 5 states loss|object .* has label"),
    ],
)
def test_what_was_changed_is_found(
    measured: Store, tmp_path: Path, change: Callable[[Records], Mapping[str, Any]], message: str
) -> None:
    with pytest.raises(IntegrityError, match=rf"forged: .*({message})"):
        remeasure_import(forged(measured, tmp_path / "forged", change), None, EVERY)


def test_a_label_that_the_source_does_not_have(measured: Store, tmp_path: Path) -> None:
    def change(records: Records) -> Mapping[str, Any]:
        return {"label": (records.columns["label"] + (records.columns["object_id"] == 3)) % 10}

    message = (
        r"forged: recipe digits: object 3 of its source has label 3, the field of it 4 \(2 of 60 differ\)"
    )
    with pytest.raises(IntegrityError, match=message):
        remeasure_import(forged(measured, tmp_path / "forged", change), None, EVERY)


def test_another_target_range_than_was_measured(measured: Store, tmp_path: Path) -> None:
    job = {**measured.job, "target": {"range": [0.0, 2.0]}}
    with pytest.raises(IntegrityError, match="record 0 states loss"):
        remeasure_import(forged(measured, tmp_path / "forged", lambda _: {}, job), None, EVERY)


def test_other_files(measured: Store, tmp_path: Path) -> None:
    """The images are those of the sha256 that the job states."""
    compared = {**measured.job["compared"], "files": {"digits.csv.gz": "0" * 64}}
    job = {**measured.job, "compared": compared}
    with pytest.raises(SourceError, match=r"source file .*: found sha256 .*, expected .*: give the files"):
        remeasure_import(forged(measured, tmp_path / "forged", lambda _: {}, job), None, EVERY)


def test_a_store_that_was_not_compared(tmp_path: Path) -> None:
    path = write(tmp_path / "set", {mnist("training", 0, 0): sequential(made_layers((2, 4, 1), 0))})
    import_store(path, tmp_path / "store", DWSNETS)
    store = open_store(tmp_path / "store")
    message = (
        r"store: was imported without a look at its source; import it once more with --source-root, or leave"
    )
    with pytest.raises(OptionError, match=message):
        remeasure_import(store, tmp_path, np.arange(1))
    with pytest.raises(OptionError, match=message):
        open_store_source(store, None)

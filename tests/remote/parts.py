"""How tests take parts of stores, what a part must hold, and a store of imported fields to take them from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neuralviews.records import IMPORTED_COLUMNS, Split, Status
from neuralviews.remote.selection import Selection
from neuralviews.remote.subset import SubsetReport, download_subset
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..made_stores import digits_recipe, made_records
from .fetching import IMPATIENT

GOLDEN = Path(__file__).parents[1] / "golden"


def chosen_rows(store: Store, selection: Selection) -> np.ndarray[Any, Any]:
    """The rows of a selection, from the columns of the whole store."""
    rows = np.arange(len(store))
    keep = np.ones(len(store), np.bool_)
    if selection.split is not None:
        keep &= store.column("split") == Split[selection.split]
    if selection.views is not None:
        keep &= store.column("view") < selection.views
    if selection.first_shards is not None:
        keep &= rows < selection.first_shards * store.manifest.shards[0].rows
    return rows[keep]


def part_of(link: str | Path, out: Path, selection: Selection, **options: Any) -> Store:
    report = download_subset(str(link), out, selection, patience=IMPATIENT, **options)
    assert isinstance(report, SubsetReport)
    assert not out.with_name(f"{out.name}.download").exists()
    part = open_store(out)
    assert (report.records, report.dataset_id) == (len(part), part.dataset_id)
    return part


def require_part(part: Store, whole: Store, selection: Selection) -> None:
    """The store has the chosen records, says so, and is a sound store."""
    found, expected = part.read(np.arange(len(part))), whole.read(chosen_rows(whole, selection))
    assert found.columns.keys() == expected.columns.keys()
    np.testing.assert_array_equal(found.weights.view(np.uint32), expected.weights.view(np.uint32))
    for name, column in expected.columns.items():
        wanted = np.arange(len(part)) if name == "record_id" else column
        np.testing.assert_array_equal(found.columns[name], wanted)
    assert verify(part.root, "semantic").rows == len(expected)
    assert part.kind == whole.kind
    assert {key: part.job[key] for key in ("kind", "of", "selection")} == {
        "kind": "subset",
        "of": {"dataset_id": whole.dataset_id, "job": whole.job},
        "selection": selection.to_json(),
    }
    assert part.made_by == whole.made_by


def imported(root: Path, first_view: int = 0) -> Store:
    """Fields of which little is known, with two attributes."""
    records = made_records(digits_recipe(), 10)
    unknown = np.full(len(records), np.nan, np.float32)
    attributes = (
        np.random.default_rng(3).normal(size=(len(records), 2)).astype(IMPORTED_COLUMNS["attributes"])
    )
    columns = {
        **records.columns,
        "psnr": unknown,
        "loss": unknown,
        "status": np.full(len(records), Status.unknown, np.uint8),
        "attributes": attributes,
        "view": records.columns["view"] + np.uint16(first_view),
    }
    job = {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "import",
        "rows": len(records),
        "rows_per_shard": 12,
        "arch": records.spec.to_json(),
        "columns": {"attributes": 2},
        "attributes": ["a", "b"],
        "importer": 1,
        "name": "imported",
        "exchange": "dwsnets",
        "published": None,
        "convention": {"omega": "given"},
        "target": {"range": [0.0, 1.0]},
        "quality": "unknown",
        "known": ["label"],
        "source": {"sha256": "0" * 64, "fields": 30, "class_names": None, "image_shape": [8, 8]},
        "compared": None,
    }
    writer = StoreWriter(root, job)
    whole = replace(records, columns=columns)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, whole.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)

"""Small stores of imported fields with made-up weights: any shape, conventions, objects and views."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.exchange.convention import CONVENTIONS
from neuralviews.exchange.export import Exported, export
from neuralviews.exchange.opened import Opened, Place, open_place
from neuralviews.field import FieldSpec
from neuralviews.records import COLUMNS, IMPORTED_COLUMNS, Records, Split, Status
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

IMAGES = FieldSpec([2, 8, 8, 1], 30.0, 0.5)
"""As DWSNets has them, but smaller."""


def make_imported(
    root: Path,
    spec: FieldSpec = IMAGES,
    *,
    objects: Sequence[int] = tuple(range(12)),
    views: int | Sequence[int] = 1,
    label: Sequence[int] | None = None,
    split: Sequence[Split] | None = None,
    attributes: Sequence[str] = (),
    target: dict[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, int] | None = None,
    diverged: Sequence[int] = (),
) -> Store:
    """A store with every view of every object, in this order.

    Args:
        views: how many, or their numbers.
        label, split: of each object; else labels from 0 to 9, and every fourth object val, every fourth test.
        diverged: record_ids.
    """
    numbers = range(views) if isinstance(views, int) else views
    count = len(objects) * len(numbers)
    which = np.repeat(np.arange(len(objects)), len(numbers))
    labels = np.arange(len(objects)) % 10 if label is None else np.array(label)
    splits = np.arange(len(objects)) % 4 % 3 if split is None else np.array(split)
    stream = np.random.default_rng([len(objects), count, spec.parameters])
    columns: dict[str, Any] = {
        "record_id": np.arange(count),
        "object_id": np.array(objects)[which],
        "view": np.tile(numbers, len(objects)),
        "seed": np.zeros(count),
        "label": labels[which],
        "split": splits[which],
        "psnr": np.full(count, np.nan),
        "loss": np.full(count, np.nan),
        "steps": np.zeros(count),
        "status": np.where(np.isin(np.arange(count), diverged), Status.diverged, Status.unknown),
    }
    if attributes:
        columns["attributes"] = stream.uniform(0, 10, (count, len(attributes)))
    types = {**COLUMNS, **IMPORTED_COLUMNS}
    weights = stream.normal(0, 0.2, (count, spec.parameters)).astype(np.float32)
    records = Records(spec, weights, {name: array.astype(types[name]) for name, array in columns.items()})
    writer = StoreWriter(root, _job(spec, count, attributes, target, class_names, image_shape))
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


def _job(
    spec: FieldSpec,
    rows: int,
    attributes: Sequence[str],
    target: dict[str, Any] | None,
    class_names: Sequence[str] | None,
    image_shape: tuple[int, int] | None,
) -> dict[str, Any]:
    wide = {"columns": {"attributes": len(attributes)}, "attributes": list(attributes)}
    return {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "import",
        "importer": 1,
        "name": "made-up",
        "exchange": "npz",
        "published": None,
        "convention": dict.fromkeys(CONVENTIONS, "files"),
        "target": target or {"range": [0.0, 1.0]},
        "quality": "unknown",
        "known": ["label", "split"],
        "rows": rows,
        "rows_per_shard": 10,
        "arch": spec.to_json(),
        **(wide if attributes else {}),
        "source": {
            "sha256": "0" * 64,
            "fields": rows,
            "class_names": None if class_names is None else list(class_names),
            "image_shape": None if image_shape is None else list(image_shape),
            "left_out": {},
        },
        "compared": None,
    }


def exported(store: Store, to: str, out: Path, **options: Any) -> Exported:
    """All records of a store written in a format."""
    return export(store, np.arange(len(store)), to, out, **options)


def reopened(out: Path, format: str) -> Opened:
    """What lies there, looked at anew."""
    open_place.cache_clear()
    return open_place(Place(out, format))


def all_weights(opened: Opened) -> NDArray[np.float32]:
    """(n, P), in the order of the listing."""
    listing = opened.listing
    parsed = [opened.parse(file).weights for file in range(len(listing.files))]
    rows = zip(listing.file.tolist(), listing.place.tolist(), strict=True)
    return np.stack([parsed[file][place] for file, place in rows])


def all_labels(opened: Opened) -> list[int]:
    """What importing takes for the labels: those that files hold, else those of the listing."""
    listing = opened.listing
    parsed = [opened.parse(file).label for file in range(len(listing.files))]
    rows = zip(listing.file.tolist(), listing.place.tolist(), listing.label.tolist(), strict=True)
    found = []
    for file, place, label in rows:
        inside = parsed[file]
        found.append(label if inside is None else int(inside[place]))
    return found

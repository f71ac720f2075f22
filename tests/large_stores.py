"""Stores of very many shards, of which only the first and the last hold records, for what reads none."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from neuralviews.field import FieldSpec
from neuralviews.fit.job import budget_of, plan_job
from neuralviews.fit.registry import get_engine
from neuralviews.recipe import load_recipe
from neuralviews.recipe_schema import StoreTable
from neuralviews.records import COLUMNS, Records, Split
from neuralviews.signals.catalogue import open_source
from neuralviews.store.canonical import canonical_json, sha256_hex
from neuralviews.store.examine import examine_shard
from neuralviews.store.job import Job
from neuralviews.store.manifest import checksums, encode, new_manifest, parse_receipt, receipt_of
from neuralviews.store.manifest_schema import PsnrSummary, Receipt, ShardEntry, SplitSummary, Summary
from neuralviews.store.schema import receipt_name, shard_name, statuses
from neuralviews.store.writer import StoreWriter

__all__ = ["simulate"]

VIEWS = 5565
"""Of 1,797 digits: 10,000,305 records."""


def simulate(root: Path, shards: int) -> None:
    """A store of ten million records in about so many shards, under a manifest of the real form.

    Its job is that of a real recipe. Every file is there in its size; shards between the first and the last
    are holes, under checksums that do not hold.
    """
    job = _job(shards)
    parsed = Job.parse(job, "job")
    first, last = (_entry(parsed, shard) for shard in (0, parsed.shard_count - 1))
    entries = [first]
    for shard in range(1, parsed.shard_count - 1):
        digest = hashlib.sha256(str(shard).encode()).hexdigest()
        start = parsed.row_range(shard).start
        entries.append(msgspec.structs.replace(first, file=shard_name(shard), row_start=start, sha256=digest))
    entries.append(last)
    (root / "shards").mkdir(parents=True)
    (root / "job.json").write_bytes(canonical_json(job))
    for shard, entry in enumerate(entries):
        with (root / entry.file).open("wb") as file:
            file.truncate(entry.bytes)
        (root / receipt_name(shard)).write_bytes(receipt_of(entry, parsed))
    manifest = new_manifest(parsed, tuple(entries), _summary(parsed))
    data = encode(manifest)
    (root / "manifest.json").write_bytes(data)
    (root / "SHA256SUMS").write_bytes(checksums(manifest, parsed, sha256_hex(data)))


def _job(shards: int) -> dict[str, Any]:
    recipe = load_recipe("digits").with_views(VIEWS)
    source, engine = open_source(recipe), get_engine("cpu", recipe.spec, budget_of(recipe))
    rows = len(source.objects) * VIEWS
    cut = StoreTable(rows_per_shard=-(-rows // shards))
    return plan_job(msgspec.structs.replace(recipe, store=cut), source, engine, None)


def _entry(job: Job, shard: int) -> ShardEntry:
    """What a manifest says of a shard of zeros, which is really written."""
    rows = job.row_range(shard)
    with tempfile.TemporaryDirectory() as folder:
        writer = StoreWriter(Path(folder), job.content)
        writer.commit(shard, _zeros(job.spec, rows))
        receipt: Receipt = parse_receipt(Path(folder, receipt_name(shard)).read_bytes(), "receipt")
        return examine_shard(Path(folder), job, shard, receipt).entry


def _zeros(spec: FieldSpec, rows: range) -> Records:
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in COLUMNS.items()}
    columns["record_id"][:] = rows
    return Records(spec, np.zeros((len(rows), spec.parameters), np.float32), columns)


def _summary(job: Job) -> Summary:
    parts = {part.name: SplitSummary(job.rows if part is Split.train else 0, 1) for part in Split}
    counts = dict.fromkeys((status.name for status in statuses(job.kind)), 0) | {"budget": job.rows}
    return Summary(splits=parts, status=counts, psnr=PsnrSummary(50.0, 40.0, 30.0))

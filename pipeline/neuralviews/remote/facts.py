"""Everything that a release says of a store: read from its job and its manifest here, and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..augment.stated import Ancestor, ancestors, stated_copies
from ..field import FieldSpec
from ..fit.facts import field_facts
from ..fit.lineage import jobs
from ..fit.stated import stated_job
from ..fit.stated_import import stated_import
from ..recipe import Recipe
from ..store.job import Job
from ..store.layout import RowLayout
from ..store.manifest import ShardEntry, Summary
from ..store.schema import AUGMENT, MANIFEST_FILE, SUBSET

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["ReleaseFacts", "release_facts"]


@dataclass(frozen=True)
class ReleaseFacts:
    """What is known of a store, whatever its kind.

    Attributes:
        kind: of its records: ``generate``, ``augment`` or ``import``.
        subset: whether they are some of another store's records, the first of the ``ancestors``.
        recipe: how the fields were fitted, or those that copies descend from; None where that is not known.
        exchange: the format that imported fields were read from; None of others.
        limit: objects that were fitted at most; None for all.
        source_files: name -> sha256 of what fields were made from.
        left_out: name -> why it is not in the store.
        engine: that fitted the fields; None where that is not known.
        makers: what decided the bytes, in lines: engine and arithmetic, operations.
        plans: of the copies, the last plan first, each in canonical form.
        ancestors: the stores that the records descend from, the nearest first.
    """

    name: str
    kind: str
    subset: bool
    dataset_id: str
    spec: FieldSpec
    target_range: tuple[float, float]
    class_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    recipe: Recipe | None
    exchange: str | None
    limit: int | None
    source_files: Mapping[str, str]
    left_out: Mapping[str, str]
    engine: str | None
    makers: tuple[str, ...]
    plans: tuple[Mapping[str, Any], ...]
    ancestors: tuple[Ancestor, ...]
    layout: RowLayout
    shards: tuple[ShardEntry, ...]
    summary: Summary

    @property
    def records(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def objects(self) -> int:
        return sum(part.objects for part in self.summary.splits.values())

    @property
    def bytes(self) -> int:
        """Size of all shards."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def of_shapes(self) -> bool:
        """Whether the fields, or the parents of the copies, are known to be of meshes."""
        return self.recipe is not None and self.recipe.shape is not None


def release_facts(store: "Store") -> ReleaseFacts:
    """Read and check what a store states of itself.

    Raises:
        FormatError: the job does not state how the fields came about.
    """
    fields = field_facts(store)
    copies = stated_copies(store) if store.kind == AUGMENT else None
    if fields.recipe is None:
        found = stated_import(store)
        exchange, limit, engine = found.exchange, None, None
        files, left_out = {found.exchange: found.source.sha256}, found.source.left_out
        makers = [f"importer {found.importer}, format {found.exchange}, PSNR {found.quality}"]
        makers += [f"published set {found.published}"] if found.published else []
        origins = ", ".join(f"{name} ({origin})" for name, origin in sorted(found.convention.items()))
        makers += [f"conventions, and where each is from: {origins}"] if origins else []
    else:
        job = stated_job(store)
        exchange, limit = None, job.limit
        files, left_out = job.source.files, job.source.left_out
        settings = dict(job.arithmetic)
        engine = str(settings.pop("engine"))
        details = [*(f"{key} {value}" for key, value in settings.items()), f"generator {job.generator}"]
        makers = [f"engine {engine} ({', '.join(details)})"]
        makers += [", ".join(f"{tool} {version}" for tool, version in job.source.tools.items())]
    if copies is not None:
        operations = ", ".join(f"{name} {version}" for name, version in sorted(copies.operations.items()))
        makers.append(
            f"augmenter {copies.augmenter} (arithmetic {copies.arithmetic}); operations {operations}"
        )
    return ReleaseFacts(
        fields.name if copies is None else copies.name,
        store.kind,
        store.job["kind"] == SUBSET,
        store.dataset_id,
        store.spec,
        fields.target_range,
        fields.class_names,
        fields.image_shape,
        fields.recipe,
        exchange,
        limit,
        files,
        left_out,
        engine,
        tuple(filter(None, makers)),
        tuple(job["plan"] for _, job in jobs(f"{store.root}: job", store.job) if job["kind"] == AUGMENT),
        tuple(ancestors(store)),
        Job.parse(store.job, store.root / MANIFEST_FILE).layout,
        store.manifest.shards,
        store.manifest.summary,
    )

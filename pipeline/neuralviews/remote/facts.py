"""Everything that a release says of a store: read from its job and its manifest here, and nowhere else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ..augment.stated import Ancestor, ancestors, stated_copies
from ..errors import OptionError
from ..field import FieldSpec
from ..fit.facts import field_facts
from ..fit.lineage import jobs
from ..fit.stated import stated_job
from ..fit.stated_import import Quality, StatedImport, stated_import
from ..recipe import Recipe
from ..store.job import Job
from ..store.layout import RowLayout
from ..store.manifest_schema import ShardEntry, Summary
from ..store.schema import AUGMENT, MANIFEST_FILE, SUBSET
from .published import Published, load_published
from .selection import Selection

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["Derivation", "ReleaseFacts", "release_facts"]

Derivation = Mapping[str, Any] | Selection | None
"""How records came from those of another store: the plan of copies, in canonical form; of a part, what was
asked for, or None where the job does not state it as `neuralviews download` does."""


@dataclass(frozen=True)
class ReleaseFacts:
    """What is known of a store, whatever its kind.

    Attributes:
        kind: of its records: ``generate``, ``augment`` or ``import``.
        recipe: how the fields were fitted, or those that copies descend from; None where that is not known.
        source_recipe: the recipe whose source the fields are of, as far as that was looked at: of fitted
            fields their own.
        imported: what is stated of the import that the records descend from; None of others.
        published: the set that they were imported as, if it is in the registry.
        limit: objects that were fitted at most; None for all.
        source_files: name -> sha256 of what fields were made from.
        left_out: name -> why it is not in the store.
        engine: that fitted the fields; None where that is not known.
        makers: what decided the bytes, in lines: engine and arithmetic, operations.
        derivations: from each of the ``ancestors``, the last one first.
        ancestors: the stores that the records descend from, the nearest first.
    """

    name: str
    kind: str
    dataset_id: str
    spec: FieldSpec
    target_range: tuple[float, float]
    class_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    recipe: Recipe | None
    source_recipe: Recipe | None
    imported: StatedImport | None
    published: Published | None
    limit: int | None
    source_files: Mapping[str, str]
    left_out: Mapping[str, str]
    engine: str | None
    makers: tuple[str, ...]
    derivations: tuple[Derivation, ...]
    ancestors: tuple[Ancestor, ...]
    layout: RowLayout
    shards: tuple[ShardEntry, ...]
    summary: Summary

    @property
    def subset(self) -> bool:
        """Whether the records are some of those of another store, the first of the ``ancestors``."""
        return bool(self.derivations) and not isinstance(self.derivations[0], Mapping)

    @property
    def plans(self) -> tuple[Mapping[str, Any], ...]:
        """Plans of the copies, the last one first."""
        return tuple(plan for plan in self.derivations if isinstance(plan, Mapping))

    @property
    def quality(self) -> Quality:
        """Where PSNRs are from; all but those of imported fields were measured."""
        return self.imported.quality if self.kind == "import" and self.imported is not None else "measured"

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
    found = None
    if fields.recipe is None:
        found = stated_import(store)
        limit, engine = None, None
        files, left_out = {found.exchange: found.source.sha256}, found.source.left_out
        makers = [f"importer {found.importer}, format {found.exchange}, PSNR {found.quality}"]
        makers += [f"published set {found.published}"] if found.published else []
        origins = ", ".join(f"{name} ({origin})" for name, origin in sorted(found.convention.items()))
        makers += [f"conventions, and where each is from: {origins}"] if origins else []
    else:
        job = stated_job(store)
        limit = job.limit
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
        store.dataset_id,
        store.spec,
        fields.target_range,
        fields.class_names,
        fields.image_shape,
        fields.recipe,
        fields.source_recipe,
        found,
        None if found is None else _published(found),
        limit,
        files,
        left_out,
        engine,
        tuple(filter(None, makers)),
        tuple(_derivations(store)),
        tuple(ancestors(store)),
        Job.parse(store.job, store.root / MANIFEST_FILE).layout,
        store.manifest.shards,
        store.manifest.summary,
    )


def _published(found: StatedImport) -> Published | None:
    """A later neuralviews may know sets that this one does not."""
    return next((one for one in load_published() if one.name == found.published), None)


def _derivations(store: "Store") -> Iterator[Derivation]:
    for _, job in jobs(f"{store.root}: job", store.job):
        if job["kind"] == AUGMENT:
            yield job["plan"]
        elif job["kind"] == SUBSET:
            yield _selection(job)


def _selection(job: Mapping[str, Any]) -> Selection | None:
    stated = job.get("selection")
    try:
        found = msgspec.convert(stated, Selection)
    except (msgspec.ValidationError, OptionError):
        return None
    return found if found.to_json() == stated else None

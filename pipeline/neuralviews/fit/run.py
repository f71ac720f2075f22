"""The run from a recipe to a store: plan, resume, share the shards among workers, publish the manifest."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import EngineError, OptionError, SourceError
from ..recipe import Recipe, load_recipe
from ..signals.catalogue import Source, open_source
from ..store.files import output_errors
from ..store.reader import open_store
from ..store.schema import JOB_FILE
from ..store.space import check_space
from ..store.writer import StoreWriter
from ..work.shards import complete, is_finished, make_shards
from ..work.sharing import Sharing, Writers
from .engine import Engine
from .job import budget_of, plan_job
from .maker import FieldMaker
from .pilot import resolved, stand_in
from .prepare import check_room, names_digest, prepared, samples_folder, unlike_the_full_set, usable
from .registry import get_engine, is_gpu, why_torch

__all__ = ["RunOptions", "RunReport", "generate"]


@dataclass(frozen=True)
class RunOptions:
    """How to run; nothing here changes a byte of what is made, but for ``limit`` and the engine.

    Args:
        source_root: folder of the source's files, for sources that need one.
        download: let the source fetch and unpack its files first.
        limit: only so many objects, spread over the splits.
        engine, device: see `fit.registry.get_engine`.
        workers, part, progress, cluster, writers, threads: see `Sharing`.
        keep_going: leave out meshes that cannot be used, and say so in the report, rather than stop.
    """

    source_root: Path | None = None
    download: bool = False
    limit: int | None = None
    engine: str = "auto"
    device: str | None = None
    workers: int | None = None
    part: tuple[int, int] = (0, 1)
    progress: bool = False
    keep_going: bool = False
    cluster: str | None = None
    writers: Writers = "workers"
    threads: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise OptionError(f"limit: found {self.limit!r}, expected at least 1, or None")
        _ = self.sharing  # refuses what cannot be

    @property
    def sharing(self) -> Sharing:
        """The part of the options that says who does what."""
        return Sharing(self.workers, self.part, self.progress, self.cluster, self.writers, self.threads)


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Args:
        fitted: records fitted by it.
        missing: shards still missing in the store.
        dataset_id: of the store, once complete.
        left_out: of the source, and why: name -> reason.
    """

    fitted: int
    missing: int
    dataset_id: str | None
    left_out: Mapping[str, str] = field(default_factory=dict)


_DEFAULTS = RunOptions()


def generate(recipe: Recipe | str | Path, out: str | Path, options: RunOptions = _DEFAULTS) -> RunReport:
    """Make the store of a recipe, or go on with it: finished shards are kept, bytes never depend on the way.

    Args:
        recipe: a recipe, its name, or the path of its file.
        out: folder of the store.
    Raises:
        RecipeError, EngineError, SourceError: what was asked cannot be done; nothing was written but samples
            of shapes beside the store.
        SourceError: also when source files changed during the run.
        OutputError: the folder cannot be written, is too small, or holds another job.
        Quarantined: some shards keep killing their workers; all others are made.
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if recipe.shape is not None and options.writers == "driver":
        raise OptionError(
            f"writers: recipe {recipe.name} is of shapes, whose samples all hosts share beside the store; "
            "choose a folder that they share, and --writers workers"
        )
    engine, name = _engine(stand_in(recipe), options)
    root = Path(out)
    options.sharing.prove()
    with output_errors(root):
        begun = (root / JOB_FILE).exists()
    source = _source(recipe, root, options, begun)
    if options.progress and (note := unlike_the_full_set(recipe, source)):
        sys.stderr.write(f"{note}\n")
    if recipe.shape is not None and not begun:
        check_room(root, recipe, plan_job(recipe, source, engine, options.limit))
        source = prepared(source, recipe, options.limit, root, options.sharing, options.keep_going)
    device = None if options.cluster else options.device
    recipe = resolved(recipe, source, options.limit, root, device, options.progress)
    job = plan_job(recipe, source, engine, options.limit)
    if is_finished(root, job):
        return RunReport(0, 0, open_store(root).dataset_id, source.left_out)
    check_space(root, job)
    writer = StoreWriter(root, job)
    everywhere = options.sharing.everywhere
    place = None if source.root is None else everywhere(source.root)
    maker = FieldMaker(everywhere(root), place, names_digest(source, recipe), name, options.device)
    objects = source.objects.limited(options.limit).object_id

    def describe(rows: range) -> str:
        first, last = (objects[row // recipe.views] for row in (rows[0], rows[-1]))
        return f"records {rows[0]} to {rows[-1]}, objects {first} to {last}"

    fitted = make_shards(writer, maker, options.sharing, describe)
    if fitted:
        _require_unchanged(recipe, source, root)
    return RunReport(fitted, *complete(writer, fitted), source.left_out)


def _engine(recipe: Recipe, options: RunOptions) -> tuple[Engine, str]:
    """The engine that the job states, and the name of the one that workers take.

    Where a cluster has the GPUs, this host need not have any: `cuda` has the arithmetic of `cpu`.
    """
    spec, budget, device = recipe.spec, budget_of(recipe), options.device
    if options.cluster is not None and is_gpu(device) and options.engine in ("auto", "cuda"):
        from .fused.engine import reason_against
        from .fused.shape import BLOCK_BYTES

        if reason := reason_against(spec, budget, BLOCK_BYTES, "the largest GPU"):
            raise EngineError(f"engine 'cuda' {reason}")
        return get_engine("cpu", spec, budget), "cuda"
    engine = get_engine(options.engine, spec, budget, device)
    if options.progress and options.engine == "auto" and (note := why_torch(engine, spec, budget, device)):
        sys.stderr.write(f"{note}\n")
    return engine, engine.name


def _source(recipe: Recipe, root: Path, options: RunOptions, begun: bool) -> Source:
    """The source; of shapes that a run before began to fit, without what it left out then."""
    if recipe.shape is None:
        if options.keep_going:
            raise OptionError(f"keep_going: recipe {recipe.name} is of images; only shapes can be left out")
        return open_source(recipe, options.source_root, download=options.download)
    left_out: Mapping[str, str] | None = {} if options.keep_going else None
    if begun:
        # If it is another job, or now other meshes are unfit, the comparison of the jobs tells.
        stated = StoreWriter.open(root).job.get("source")
        found = stated.get("left_out") if isinstance(stated, Mapping) else None
        left_out = found if isinstance(found, Mapping) else {}
    source = open_source(
        recipe,
        options.source_root,
        download=options.download,
        samples=samples_folder(root),
        left_out=left_out,
    )
    return usable(source, recipe)


def _require_unchanged(recipe: Recipe, source: Source, root: Path) -> None:
    """Refuse files that came, went or changed since the source was opened, those that are left out too."""
    left_out = None if recipe.shape is None else source.left_out
    again = open_source(recipe, source.root, left_out=left_out)
    before, after = ({**found.left_out, **found.files} for found in (source, again))
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    if changed:
        raise SourceError(
            f"{root}: source files changed during the run, {changed[0]} first, so its fields belong to no "
            "version of them; remove the folder and run the same command again"
        )

"""The run from a recipe to a store: plan, resume, share the shards among workers, publish the manifest."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import OptionError, SourceError
from ..recipe import Recipe, load_recipe
from ..signals.catalogue import Source, open_source
from ..store.reader import open_store
from ..store.schema import JOB_FILE
from ..store.space import check_space
from ..store.writer import StoreWriter
from ..work.shards import Sharing, complete, is_finished, make_shards
from .job import budget_of, plan_job
from .maker import FieldMaker
from .prepare import check_room, names_digest, prepared, samples_folder, unlike_the_full_set
from .registry import get_engine

__all__ = ["RunOptions", "RunReport", "generate"]


@dataclass(frozen=True)
class RunOptions:
    """How to run; nothing here changes a byte of what is made, but for ``limit`` and the engine.

    Args:
        source_root: folder of the source's files, for sources that need one.
        download: let the source fetch and unpack its files first.
        limit: only so many objects, spread over the splits.
        engine, device: see `fit.registry.get_engine`.
        workers: processes that fit at the same time.
        part: (i, n) does every n-th shard starting from the i-th, i from 1: for job arrays.
        progress: draw a progress bar on stderr.
        keep_going: leave out meshes that cannot be used, and say so in the report, rather than stop.
    """

    source_root: Path | None = None
    download: bool = False
    limit: int | None = None
    engine: str = "auto"
    device: str | None = None
    workers: int = 1
    part: tuple[int, int] = (1, 1)
    progress: bool = False
    keep_going: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise OptionError(f"limit: found {self.limit!r}, expected at least 1, or None")
        _ = self.sharing  # refuses what cannot be

    @property
    def sharing(self) -> Sharing:
        """The part of the options that says who does what."""
        return Sharing(self.workers, self.part, self.progress)


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
        KeyboardInterrupt: finished shards stay; the same call resumes.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    engine = get_engine(options.engine, recipe.spec, budget_of(recipe), options.device)
    root = Path(out)
    begun = (root / JOB_FILE).exists()
    source = _source(recipe, root, options, begun)
    if options.progress and (note := unlike_the_full_set(recipe, source)):
        sys.stderr.write(f"{note}\n")
    job = plan_job(recipe, source, engine, options.limit)
    if recipe.shape is not None and not begun:
        check_room(root, recipe, job)
        source = prepared(source, recipe, options.limit, root, options.sharing, options.keep_going)
        job = plan_job(recipe, source, engine, options.limit)
    if is_finished(root, job):
        return RunReport(0, 0, open_store(root).dataset_id, source.left_out)
    check_space(root, job)
    writer = StoreWriter(root, job)
    maker = FieldMaker(root, source.root, names_digest(source, recipe), engine.name, options.device)
    fitted = make_shards(writer, maker, options.sharing)
    if fitted:
        _require_unchanged(recipe, source, root)
    return RunReport(fitted, *complete(writer, fitted), source.left_out)


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
    return open_source(
        recipe,
        options.source_root,
        download=options.download,
        samples=samples_folder(root),
        left_out=left_out,
    )


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

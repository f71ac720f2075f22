"""The plan of a run before anything is written: how long, how much disk, how much memory, how good."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from threadpoolctl import threadpool_limits

from ..errors import OptionError
from ..recipe import Recipe, load_recipe
from ..signals.catalogue import Source, open_source
from ..store.image import image_bytes
from ..store.job import Job
from ..store.space import estimate_bytes, free_bytes, shard_bytes
from ..work.sharing import available_cpus
from .crowd import Crowd, crowd_rate
from .job import budget_of, plan_job
from .pilot import stand_in
from .plan_warnings import quality_warnings, run_warnings
from .prepare import samples_bytes, unlike_the_full_set, usable
from .registry import get_engine
from .rows import RowFitter
from .run import RunOptions
from .trial import MOST_RECORDS, Trial, run_trial, spread
from .truth import MESHES, TruthTrial, try_truth

if TYPE_CHECKING:
    from ..signals.shapes import ShapeSource

__all__ = ["RunPlan", "plan_run"]

Basis = Literal["measured", "linear", "device"]
_MOST_WORKERS = 8
"""More are not started for a trial."""
_CHEAP_SECONDS = 0.5
"""Of a record, at most, for all workers to be tried."""
_COPIES = 2
"""Of a shard's records: batch by batch as they are fitted, and joined."""
_HOUR, _MILLION = 3600, 10**6
_DEFAULTS = RunOptions()


@dataclass(frozen=True)
class RunPlan:
    """What a run of `generate` would take, on this machine and with these options.

    Attributes:
        name: of the recipe.
        engine: its ``arithmetic``: name and versions.
        device: what it fits on: ``"cpu"`` or a torch device.
        objects, views, records: how many; of meshes at most, as some may turn out unfit.
        shards, rows_per_shard: the cut of the store.
        workers: processes asked for, or threads that feed a device.
        basis: how `rate` follows from the trial of one worker: all workers were ``"measured"``
            at once; each on a core is as fast as one alone (``"linear"``); or they share one ``"device"``.
        rate_alone: records a second of one worker with nothing beside it.
        rate: records a second of all workers together.
        seconds: wall clock of the whole run: start, ground truth of shapes and fits.
        shard_bytes: of all shards, exactly.
        disk_bytes: of all files of the store, at most.
        samples_bytes: what is kept beside the store of shapes, at most; None of images.
        truth_seconds: of the ground truth of one shape in one worker; None of images.
        worker_bytes: peak memory of a worker: that of the trial, and a shard that is being put together. On a
            device, of the process whose threads the workers are.
        hours_per_million: hours of one core, or of one device, for a million records.
        free_bytes: of the disk in question.
        trial: what was measured.
        warnings: what stands against the run, one line each.
    """

    name: str
    engine: Mapping[str, str | int]
    device: str
    objects: int
    views: int
    records: int
    shards: int
    rows_per_shard: int
    workers: int
    basis: Basis
    rate_alone: float
    rate: float
    seconds: float
    shard_bytes: int
    disk_bytes: int
    samples_bytes: int | None
    truth_seconds: float | None
    worker_bytes: int
    hours_per_million: float
    free_bytes: int
    trial: Trial
    warnings: tuple[str, ...]


def plan_run(
    recipe: Recipe | str | Path, options: RunOptions = _DEFAULTS, folder: str | Path = "."
) -> RunPlan:
    """Say what a run would take, from a trial of some seconds on this machine; nothing is written.

    The few fits of a pilot, which `generate` makes before the others, are left out.

    Args:
        recipe: a recipe, its name, or the path of its file.
        options: as of `generate`; the whole run is planned for, by workers of this machine.
        folder: any on the disk that shall hold the store.
    Raises:
        RecipeError, EngineError, SourceError: as `generate`.
        OptionError: ``download`` would write files.
        OutputError: there is no such folder.
    """
    if options.download:
        raise OptionError("download: a plan writes nothing, expected the source's files to be there already")
    recipe = stand_in(recipe if isinstance(recipe, Recipe) else load_recipe(recipe))
    free = free_bytes(Path(folder))
    engine = get_engine(options.engine, recipe.spec, budget_of(recipe), options.device)
    source = _source(recipe, options)
    objects = source.objects.limited(options.limit)
    fitter, truth = RowFitter(recipe, source, objects, engine), None
    with threadpool_limits(1):  # as in a run
        if recipe.shape is None:
            rows = spread(objects, recipe.views, max(engine.batch, MOST_RECORDS))
        else:
            truth = try_truth(cast("ShapeSource", source), objects, spread(objects, 1, MESHES))
            views = range(min(recipe.views, engine.batch))
            rows = [position * recipe.views + view for position in truth.positions for view in views]
        trial = run_trial(fitter, rows)
    job = _job(fitter, options.limit)
    needs = _Needs(fitter, job, trial, truth, _size_factor(fitter, rows))
    return needs.plan(options, Path(folder), free)


def _source(recipe: Recipe, options: RunOptions) -> Source:
    """The source as a run opens it;  meshes are not hashed, which takes long, and unfit ones stop nothing."""
    if recipe.shape is None:
        if options.keep_going:
            raise OptionError(f"keep_going: recipe {recipe.name} is of images; only shapes can be left out")
        return open_source(recipe, options.source_root)
    return usable(open_source(recipe, options.source_root, hash_files=False, left_out={}), recipe)


def _job(fitter: RowFitter, limit: int | None) -> dict[str, Any]:
    """The job of the run, but for the hashes of meshes, which are as long as any."""
    job = plan_job(fitter.recipe, fitter.source, fitter.engine, limit)
    if fitter.recipe.shape is not None:
        names = cast("ShapeSource", fitter.source).meshes.names
        job["source"]["files"] = dict.fromkeys(names, "0" * 64)
    return job


def _size_factor(fitter: RowFitter, rows: Sequence[int]) -> float:
    """How many times the points of a record of the trial an average record has."""
    ids = fitter.objects.object_id
    shapes = [fitter.source.image_shape(int(i)) for i in ids]
    points = np.array([1 if shape is None else prod(shape) for shape in shapes])
    return float(points.mean() / points[np.array(rows) // fitter.recipe.views].mean())


@dataclass(frozen=True)
class _Needs:
    """What follows from a trial for the whole run.

    Args:
        size: how many times the points of a record of the trial an average record has.
    """

    fitter: RowFitter
    job: dict[str, Any]
    trial: Trial
    truth: TruthTrial | None
    size: float

    def plan(self, options: RunOptions, folder: Path, free: int) -> RunPlan:
        parsed = Job.parse(self.job, "job")
        objects, records = len(self.fitter.objects), parsed.rows
        workers = min(options.workers or 1, parsed.shard_count)
        basis, rate = self._rate(options, workers)
        alone = self.trial.seconds * self.size
        cores = min(workers, available_cpus()) if basis == "device" else rate * alone
        truth = None if self.truth is None else self.truth.seconds
        seconds = self.trial.start + records / rate + (truth or 0) * objects / cores
        samples = None if truth is None else samples_bytes(self.fitter.recipe, objects)
        disk = estimate_bytes(self.job)
        return RunPlan(
            name=self.fitter.recipe.name,
            engine=dict(self.fitter.engine.arithmetic),
            device=self.fitter.engine.place,
            objects=objects,
            views=self.fitter.recipe.views,
            records=records,
            shards=parsed.shard_count,
            rows_per_shard=parsed.rows_per_shard,
            workers=options.workers or 1,
            basis=basis,
            rate_alone=1 / alone,
            rate=rate,
            seconds=seconds,
            shard_bytes=shard_bytes(self.job),
            disk_bytes=disk,
            samples_bytes=samples,
            truth_seconds=truth,
            worker_bytes=self.trial.memory
            + _COPIES * image_bytes(parsed, 0) * (workers if basis == "device" else 1),
            hours_per_million=self._hours(basis, workers, rate),
            free_bytes=free,
            trial=self.trial,
            warnings=(
                *self._source_warnings(options),
                *quality_warnings(self.fitter.recipe, self.trial),
                *run_warnings(seconds, disk + (samples or 0), free, folder, basis == "device"),
            ),
        )

    def _rate(self, options: RunOptions, workers: int) -> tuple[Basis, float]:
        """Records a second of all workers, and how that is known."""
        alone = self.trial.seconds * self.size
        if self.fitter.engine.place != "cpu":
            return "device", 1 / alone
        if workers == 1:
            return "measured", 1 / alone
        cheap = self.truth is None and self.trial.records and self.trial.seconds <= _CHEAP_SECONDS
        if cheap and workers <= min(_MOST_WORKERS, available_cpus()):
            recipe, rows = self.fitter.recipe, self.trial.rows
            text = json.dumps(recipe.canonical(), sort_keys=True)
            root = None if self.fitter.source.root is None else str(self.fitter.source.root)
            crowd = Crowd(text, root, options.limit, options.engine, options.device, rows)
            together = crowd_rate(crowd, workers)
            if together is not None:
                return "measured", together / self.size
        return "linear", min(workers, available_cpus()) / alone

    def _hours(self, basis: Basis, workers: int, rate: float) -> float:
        """For a million records: of one device, or of one of so many cores, the truth of shapes too."""
        truth = 0.0 if self.truth is None else self.truth.seconds / self.fitter.recipe.views
        if basis == "device":
            return _MILLION / rate / _HOUR
        return _MILLION * (min(workers, available_cpus()) / rate + truth) / _HOUR

    def _source_warnings(self, options: RunOptions) -> Iterator[str]:
        source, recipe = self.fitter.source, self.fitter.recipe
        if note := unlike_the_full_set(recipe, source):
            yield note
        problems = [] if self.truth is None else [*self.truth.problems]
        if recipe.shape is not None:
            problems += cast("ShapeSource", source).meshes.details.values()
        if problems:
            some = len(problems) > 1
            found = f"{len(problems)} unfit mesh{'es were' if some else ' was'} found"
            stops = f"stop{'' if some else 's'} the run unless --keep-going is given"
            fate = f"{'are' if some else 'is'} left out" if options.keep_going else stops
            yield f"{found}, which {fate}; the first: {problems[0]}"

"""Evaluations: a grid of runs on a store, shared among processes, and its results."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, get_args

import numpy as np

from ..data.dataset import ViewDataset
from ..errors import EngineError, OptionError, OutputError
from ..store.reader import Store, open_store
from ..work.deaths import run_all
from ..work.sharing import Sharing, available_cpus
from .augments import augmentations
from .command import command_of
from .conditions import (
    MOST_SEEDS,
    Partners,
    Reweight,
    Task,
    grid,
    without_idle_partners,
    without_same_partners,
)
from .fields import forget_fields
from .folder import EvaluationFolder, present_versions
from .results import Evaluation, summarized
from .run import Job, Runner
from .suitable import dataset_facts, has_mixtures, require_store, require_suitable, require_weighing
from .training import Training

if TYPE_CHECKING:
    from ..augment.compose import Compose

__all__ = ["evaluate_store"]

EPOCHS = 50


def evaluate_store(
    store: Store | str | Path,
    out: str | Path,
    *,
    readers: Sequence[str] = ("sine-graph",),
    views: Sequence[int | None] = (),
    augments: Sequence[str] = ("none",),
    objects: Sequence[int | None] = (None,),
    label_noise: Sequence[float] = (0.0,),
    reweight: Sequence[Reweight] = ("none",),
    damp: Sequence[float] = (0.0,),
    partners: Sequence[Partners] = ("active",),
    seeds: int = 3,
    task: Task = "classify",
    epochs: int | None = None,
    steps: int | None = None,
    batch: int = 256,
    lr: float | None = None,
    hidden: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> Evaluation:
    """Train readers on a store under every combination of conditions, and test them.

    Training is on the first n views of training objects, the choice of the model on the first view of
    validation objects, and the test on the first view of test objects. All runs take equally many steps.
    Equal arguments, versions and processors give equal accuracies, whoever does the work.

    Args:
        out: folder of the results; finished runs in it are kept, so the same call resumes.
        readers, views, augments, objects, label_noise, reweight, damp, partners: see `Condition`; None, or
            () for ``views``, takes all there are. What mixes nothing, or holds nothing back, is made once,
            whatever its partners.
        seeds: how often each condition is repeated, up to 1,000.
        task: ``"contrastive"`` trains features without labels, and tests them by a linear probe.
        epochs: passes over the records of the largest condition, 50 unless ``steps`` are given.
        batch: records a step.
        lr, hidden: learning rate and width of readers; None takes each reader's own.
        seed: root of all draws.
        workers: runs at the same time, one thread each; None: one a processor.
        progress: draw a progress bar on stderr.
    Raises:
        OptionError, PlanError: an argument that cannot be.
        SpecError: views or objects that are not there, or fields that do not fit a reader or an augmentation.
        StoreError: a store without labels, or without one of the three splits.
        OutputError: the folder is of another evaluation, lies in the store, or cannot be written.
        FormatError: a file in the folder is damaged.
        TrainingError: a loss is not finite; finished runs are kept.
    """
    store = open_store(store)
    if store.folder.resolve() in Path(out).resolve().parents:
        raise OutputError(f"{out}: lies in the store, which holds nothing else; choose another folder")
    require_store(store)
    if not 1 <= seeds <= MOST_SEEDS:
        raise OptionError(f"seeds: found {seeds}, expected 1 to {MOST_SEEDS:,}")
    if task not in get_args(Task):
        raise OptionError(f"task: found {task!r}, expected {' or '.join(get_args(Task))}")
    asked = grid(
        reader=readers,
        views=_counted(store, views or (None,)),
        augment=augments,
        objects=objects,
        label_noise=label_noise,
        reweight=reweight,
        damp=damp,
        partners=partners,
        seed=range(seeds),
    )
    steps_of = augmentations(augments)
    conditions = without_idle_partners(asked, _mixing(store, steps_of))
    records = require_suitable(store, conditions, steps_of, batch=batch, hidden=hidden, seed=seed, task=task)
    everything = len(ViewDataset(store, "train"))
    whole = {held for held, found in records.items() if found == everything}
    conditions = without_same_partners(conditions, whole)
    dataset = dataset_facts(store)
    training = Training(_steps(epochs, steps, max(records.values()), batch), batch, lr, hidden, seed)
    require_weighing(conditions, records, training)
    jobs = [Job.of(store.dataset_id, one, steps_of[one.augment], training, task) for one in conditions]
    folder = EvaluationFolder(
        Path(out), store.dataset_id, {"task": task, **asdict(training)}, present_versions()
    )
    folder.claim()
    runner = Runner(store.folder, store.dataset_id, training, task, folder, tuple(jobs))
    _make(runner, Sharing(available_cpus() if workers is None else workers, progress=progress))
    found = [one for number in range(len(jobs)) if (one := runner.finished(number)) is not None]
    runs = [one.run for one in found]
    evaluation = Evaluation(
        format="neuralviews-results",
        format_version=1,
        dataset_id=store.dataset_id,
        settings=dict(folder.settings),
        versions=dict(folder.versions),
        dataset=dataset,
        command=command_of(store.root, Path(out), asked, training, task),
        rows=summarized(runs),
        runs=runs,
        times={one.run.id: one.times for one in found},
    )
    folder.conclude(evaluation)
    return evaluation


def _counted(store: Store, views: Sequence[int | None]) -> Sequence[int | None]:
    """With the number of all views in place of None, which may be given as a number too."""
    if isinstance(views, str) or not isinstance(views, Sequence) or len({*views}) != len(views):
        return views  # `grid` says what it expects
    whole = int(store.column("view").max()) + 1
    counted = views if None not in views else [one for one in views if one != whole]
    return [whole if one is None else one for one in counted]


def _mixing(store: Store, steps_of: "Mapping[str, Compose | None]") -> set[str]:
    """Names of the augmentations under which something is mixed: all of them, if copies in the store are."""
    if has_mixtures(store, np.arange(len(store))):
        return {*steps_of}
    return {name for name, steps in steps_of.items() if steps is not None and steps.partner is not None}


def _steps(epochs: int | None, steps: int | None, records: int, batch: int) -> int:
    """Of the optimizer, in every run: so many passes over the records of the largest condition."""
    if epochs is not None and steps is not None:
        raise OptionError(f"steps: found {steps} steps and {epochs} epochs; expected one of both")
    # At least one a pass: pairs of a batch may be of fewer records than it has.
    found = (EPOCHS if epochs is None else epochs) * max(records // batch, 1) if steps is None else steps
    if found < 1:
        raise OptionError(f"steps: found {found}, expected 1 or more")
    return found


def _make(runner: Runner, sharing: Sharing) -> None:
    """Make all runs that are not there yet; each is published as soon as it is finished."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    numbers = range(len(runner.jobs))
    todo = [number for number in numbers if runner.finished(number) is None]

    def refuse(number: int) -> NoReturn:
        raise EngineError(
            f"{runner.jobs[number]}: worker processes died of it, with no other at work (out of memory?); "
            "give it more memory, or use a smaller --batch or --hidden"
        )

    bar = tqdm(
        total=len(numbers),
        initial=len(numbers) - len(todo),
        desc="evaluate",
        unit="run",
        file=sys.stderr,
        disable=not sharing.progress,
    )
    with (
        bar,
        threadpool_limits(1),
        sharing.pool() as pool,
        closing(run_all(runner, todo, pool, refuse)) as results,
    ):
        try:
            for _ in results:
                bar.update()
        finally:
            forget_fields()

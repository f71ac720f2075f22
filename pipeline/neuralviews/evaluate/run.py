"""One run of an evaluation, in whatever process it is made: its fields, reader and training."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from ..errors import StoreError
from ..seeds import derive_seed
from ..store.canonical import canonical_json, sha256_hex
from ..store.reader import Store, open_store
from .augments import described
from .conditions import Condition, Task
from .contrastive import Contrasted, run_contrastive
from .fields import HELD_OUT, Fields, held_out, training_fields
from .folder import EvaluationFolder, Finished
from .memory import memory_errors
from .readers.registry import reader_class
from .results import Measured, Run, Times
from .store_reader import reader_of_store
from .suspicion import suspicion_text
from .training import Trained, Training, train

if TYPE_CHECKING:
    from ..augment.compose import Compose
    from .readers.base import Reader

__all__ = ["Job", "Runner", "fields_of_run", "reader_of_run"]

_ID_DIGITS = 16


@dataclass(frozen=True)
class Job:
    """A run before it is made.

    Args:
        id: names it by everything that its accuracy follows from, but for versions and the processor.
        steps: the augmentation, as its name stood for it when the evaluation began.
        lr, hidden: as asked for, or the reader's own.
    """

    id: str
    condition: Condition
    steps: "Compose | None"
    lr: float
    hidden: int

    @classmethod
    def of(
        cls, dataset_id: str, condition: Condition, steps: "Compose | None", training: Training, task: Task
    ) -> Self:
        """With the id."""
        kind = reader_class(condition.reader)
        lr = kind.lr if training.lr is None else training.lr
        hidden = kind.hidden if training.hidden is None else training.hidden
        content = {
            "dataset_id": dataset_id,
            "task": task,
            "condition": condition.plain(),
            "augmentation": described(steps),
            "training": {**asdict(training), "lr": lr, "hidden": hidden},
        }
        return cls(sha256_hex(canonical_json(content))[:_ID_DIGITS], condition, steps, lr, hidden)

    def __str__(self) -> str:
        said = (f"{name} {value}" for name, value in self.condition.plain().items() if value is not None)
        return f"run {self.id} ({', '.join(said)})"


@dataclass(frozen=True)
class Runner:
    """Makes runs by number; it pickles.

    Args:
        root, dataset_id: of the store.
    """

    root: Path
    dataset_id: str
    training: Training
    task: Task
    folder: EvaluationFolder
    jobs: tuple[Job, ...]

    def __call__(self, number: int) -> None:
        """Make a run and keep it.

        Raises:
            TrainingError: its loss is not finite.
            StoreError: the store is not the one that it was.
            MemoryError: there is not enough for it.
        """
        job, store = self.jobs[number], _opened(self.root, self.dataset_id)
        with _one_thread(), memory_errors():
            fields, found = self._trained(store, job)
        if found.suspicion is not None:
            text = suspicion_text(fields, found.suspicion)
            self.folder.write(f"suspicion-{job.id}.csv", text.encode())
        measured = Measured(
            found.train,
            found.val,
            found.test,
            found.step,
            found.records,
            found.parameters,
            found.untrained.test if isinstance(found, Contrasted) else None,
        )
        trained = self.training.steps * self.training.batch
        self.folder.keep(
            Finished(
                Run(job.id, job.condition.plain(), described(job.steps), job.lr, job.hidden, measured),
                Times(found.seconds, found.loader_seconds, trained / found.seconds),
            )
        )

    def finished(self, number: int) -> Finished | None:
        """A run that is there."""
        return self.folder.finished(self.jobs[number].id)

    def _trained(self, store: Store, job: Job) -> tuple[Fields, Trained]:
        fields, validation, test = fields_of_run(store, job.condition, job.steps, self.training.seed)
        reader = reader_of_run(store, job.condition, fields.classes, self.training.seed, job.hidden)
        work = run_contrastive if self.task == "contrastive" else train
        return fields, work(reader, fields, validation, test, job.condition, self.training)


def fields_of_run(
    store: Store, condition: Condition, steps: "Compose | None", root: int
) -> tuple[Fields, Fields, Fields]:
    """Fields to train on, to choose the model by, and to test it on; see `training_fields`."""
    fields = training_fields(store, condition, reader_class(condition.reader), steps, root)
    validation, test = (held_out(store, split, fields.prepare) for split in HELD_OUT)
    return fields, validation, test


def reader_of_run(
    store: Store, condition: Condition, classes: int, root: int, hidden: int | None = None
) -> "Reader":
    """The reader before its first step: repetitions of a condition begin with parameters of their own."""
    seed = derive_seed(root, store.dataset_id, "reader", condition.reader, condition.seed)
    return reader_of_store(store, condition.reader, classes, seed=seed, hidden=hidden)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads are in another order, and so give other bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def _opened(root: Path, dataset_id: str) -> Store:
    """The store, which a process opens once, as each shard is proven at its first use."""
    store = open_store(root)
    if store.dataset_id != dataset_id:
        raise StoreError(f"{root}: became another store while it was evaluated; evaluate again")
    return store

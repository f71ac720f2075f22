"""How fast readers train: records a second on one thread, and the loader's share of that time."""

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from neuralviews.evaluate.augments import augmentation
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.readers.registry import READERS
from neuralviews.evaluate.run import fields_of_run, reader_of_run
from neuralviews.evaluate.training import Trained, Training, train
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import load_recipe
from neuralviews.store.reader import Store, open_store

from .rows import Row

__all__ = ["measure"]

STEPS, BATCH = 20, 256
WANTED = {"dws": "at least 3,000"}
MIXED = "aligned-mixup"


def measure(rounds: int) -> list[Row]:
    """Every reader on fields as they are; and dws on aligned MixUp, drawn as it trains. Wall clock."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "digits"
        generate(load_recipe("digits"), out, RunOptions())  # 2-32-32-1, as those of MNIST
        return list(_rows(open_store(out), rounds))


def _rows(store: Store, rounds: int) -> Iterator[Row]:
    alternatives = [(name, "none") for name in READERS] + [("dws", MIXED)]
    found: dict[tuple[str, str], list[Trained]] = {one: [] for one in alternatives}
    for number in range(rounds):
        for name, augment in alternatives:
            found[name, augment].append(_trained(store, name, augment, number))
    for (name, augment), runs in found.items():
        title = f"`{name}`" + ("" if augment == "none" else f", {augment}")
        rate = statistics.median(STEPS * BATCH / run.seconds for run in runs)
        share = statistics.median(run.loader_seconds / run.seconds for run in runs)
        wanted = WANTED.get(name, "")
        yield Row(f"training {title}", rate, "records/s", "", None, wanted)
        yield Row(f"loader of {title}", 100 * share, "% of the time", "", None, wanted and "under 10")


def _trained(store: Store, name: str, augment: str, number: int) -> Trained:
    condition = Condition(name, 2, augment)
    fields, validation, test = fields_of_run(store, condition, augmentation(augment), number)
    reader = reader_of_run(store, condition, fields.classes, number)
    return train(reader, fields, validation, test, condition, Training(STEPS, BATCH, seed=number))

"""A single run of training, for what a grid of evaluations cannot vary."""

from collections.abc import Callable

import torch

from neuralviews import Store
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import Fields
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.run import fields_of_run, reader_of_run
from neuralviews.evaluate.training import Trained, Training, train

__all__ = ["run_once"]


def run_once(
    store: Store, condition: Condition, training: Training, change: Callable[[Reader], None] = lambda _: None
) -> tuple[Reader, Fields, Trained]:
    """Train as an evaluation does; gives the reader chosen, the test fields, and what it came to.

    Args:
        change: of the reader before its first step.
    """
    torch.set_num_threads(1)
    fields, validation, test = fields_of_run(store, condition, None, training.seed)
    reader = reader_of_run(store, condition, fields.classes, training.seed)
    change(reader)
    return reader, test, train(reader, fields, validation, test, condition, training)

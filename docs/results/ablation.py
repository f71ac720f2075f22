"""What of `sine-graph` is symmetry, and what is the field itself, looked at in learned points."""

from pathlib import Path

from neuralviews import Store
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.readers.sine_graph import SineGraph
from neuralviews.evaluate.results import Spread
from neuralviews.evaluate.training import Training

from .kept import keep
from .one_run import run_once

__all__ = ["measure_blind"]

TRAINING = Training(300, 128)
SEEDS = 3


def measure_blind(store: Store, views: int, kept: Path) -> None:
    """Train `sine-graph` whose channels begin at 0, so that none of them can be the field at a point.

    Args:
        kept: file to note the accuracies in, by name of the store and views.
    """
    conditions = (Condition("sine-graph", views, seed=seed) for seed in range(SEEDS))
    found = [run_once(store, condition, TRAINING, _blind)[2] for condition in conditions]
    accuracies = {name: Spread.of([getattr(one, name) for one in found]).text() for name in ("train", "test")}
    keep(kept, f"{store.root.name} {views}", accuracies)


def _blind(reader: Reader) -> None:
    assert isinstance(reader, SineGraph)
    for parameter in reader.points.parameters():
        parameter.requires_grad_(False).zero_()

"""What of `sine-graph` is symmetry, and what is the field itself, looked at in learned points."""

import json
from pathlib import Path

import torch

from neuralviews import Store
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import held_out, training_fields
from neuralviews.evaluate.readers.sine_graph import SineGraph
from neuralviews.evaluate.results import Spread
from neuralviews.evaluate.store_reader import reader_of_store
from neuralviews.evaluate.training import Training, train
from neuralviews.records import Split
from neuralviews.seeds import derive_seed

__all__ = ["measure_blind"]

TRAINING = Training(300, 128)
SEEDS = 3


def measure_blind(store: Store, views: int, kept: Path) -> None:
    """Train `sine-graph` whose channels begin at 0, so that none of them can be the field at a point.

    Args:
        kept: file to note the accuracies in, by name of the store and views.
    """
    torch.set_num_threads(1)
    found = []
    for seed in range(SEEDS):
        condition = Condition("sine-graph", views, seed=seed)
        fields = training_fields(store, condition, SineGraph, None, TRAINING.seed)
        validation, test = (held_out(store, split, fields.prepare) for split in (Split.val, Split.test))
        drawn = derive_seed(TRAINING.seed, store.dataset_id, "reader", condition.reader, seed)
        reader = reader_of_store(store, "sine-graph", fields.classes, seed=drawn)
        assert isinstance(reader, SineGraph)
        for parameter in reader.points.parameters():
            parameter.requires_grad_(False).zero_()
        found.append(train(reader, fields, validation, test, condition, TRAINING))
    noted = json.loads(kept.read_text()) if kept.exists() else {}
    noted[f"{store.root.name} {views}"] = {
        name: Spread.of([getattr(one, name) for one in found]).text() for name in ("train", "test")
    }
    kept.write_text(json.dumps(noted, indent=1, sort_keys=True) + "\n")

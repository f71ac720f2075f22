"""Evaluations that nobody made: accuracies as given, in the real form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.results import (
    RESULTS_FILE,
    TIMES_FILE,
    Evaluation,
    Measured,
    Run,
    Times,
    summarized,
)
from neuralviews.store.canonical import canonical_json
from neuralviews.store.reader import Store


def made_evaluation(store: Store, readers: Sequence[str] = ("mlp", "dws"), **content: Any) -> Evaluation:
    """Of readers at 1 and 2 views, 2 seeds each: the accuracy is 0.5, and more with views and seeds."""
    runs = []
    for reader in readers:
        for views in (1, 2):
            for seed in (0, 1):
                condition = Condition(reader, views, seed=seed)
                test = 0.5 + 0.1 * views + 0.02 * seed
                measured = Measured(0.9, test, test, 10, 100 * views, 1000)
                runs.append(Run(f"run-{len(runs)}", condition.plain(), [], 0.001, 16, measured))
    table = {
        "format": "neuralviews-results",
        "format_version": 1,
        "dataset_id": store.dataset_id,
        "dataset": {"name": "made", "classes": 10, "largest_class": 0.125, "tested": 40},
        "settings": {"task": "classify", "steps": 100, "batch": 32},
        "versions": {"numpy": "2.0"},
        "command": "neuralviews evaluate STORE --reader mlp,dws",
        "rows": msgspec.to_builtins(summarized(runs)),
        "runs": msgspec.to_builtins(runs),
        "times": {run.id: msgspec.to_builtins(Times(2.0, 0.1, 3000.0)) for run in runs},
        **content,
    }
    return msgspec.convert(table, Evaluation)


def write_evaluation(folder: Path, evaluation: Evaluation) -> Path:
    """The files of it that are read again."""
    folder.mkdir()
    (folder / RESULTS_FILE).write_bytes(canonical_json(evaluation.document()))
    (folder / TIMES_FILE).write_bytes(canonical_json(msgspec.to_builtins(evaluation.times)))
    return folder

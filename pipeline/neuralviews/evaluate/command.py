"""The command line that makes an evaluation again."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .conditions import Condition, Task
from .table import shown
from .training import Training

__all__ = ["command_of"]

_OPTIONS = {
    "reader": "--reader",
    "views": "--views",
    "augment": "--augment",
    "objects": "--objects",
    "label_noise": "--label-noise",
    "reweight": "--reweight",
    "damp": "--damp",
    "partners": "--partners",
}


def command_of(
    store: Path, out: Path, conditions: Sequence[Condition], training: Training, task: Task
) -> str:
    """Every setting stated, but for who does the work."""
    words: list[Any] = ["neuralviews", "evaluate", store, "--task", task]
    for name, option in _OPTIONS.items():
        values = dict.fromkeys(getattr(condition, name) for condition in conditions)
        words += [option, ",".join(map(shown, values))]
    words += ["--seeds", len({condition.seed for condition in conditions})]
    words += ["--steps", training.steps, "--batch", training.batch, "--seed", training.seed]
    for option, value in (("--lr", training.lr), ("--hidden", training.hidden)):
        words += [] if value is None else [option, value]
    return shlex.join(str(word) for word in [*words, "--out", out])

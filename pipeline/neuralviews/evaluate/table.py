"""The table of an evaluation, as text for terminals and as Markdown."""

import math
from collections.abc import Sequence

from .results import Evaluation, Row

__all__ = ["cells", "heading", "markdown", "shown", "varying"]

_LABELS = {"label_noise": "label noise"}
_EXPLAINED = (
    "Accuracies are means ± sample standard deviations over seeds, of the model that was best on the first "
    "view of the validation objects. Test: the first view of the test objects. Train: up to 2,000 of the "
    "fields trained on, without augmentation, against the labels that training was given. The gap is between "
    "both. Records/s and the loader's share of the time are of the machine at hand."
)
_PROBED = (
    "Accuracies are means ± sample standard deviations over seeds, of a linear probe on features that were "
    "trained without labels. It learns from the first view of the training objects (train), is chosen on "
    "that of the validation objects and tested on that of the test objects. Untrained: the same on features "
    "of a reader before its first step. Records/s and the loader's share are of the machine at hand."
)


def varying(rows: Sequence[Row]) -> list[str]:
    """Which parts of the condition differ between rows."""
    return [name for name in rows[0].condition if len({str(row.condition[name]) for row in rows}) > 1]


def cells(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Header and lines: accuracies in percent, mean ± sample deviation over seeds."""
    told = _told(evaluation.rows)
    header = [_LABELS.get(name, name) for name in told]
    header += ["records", "train %", "test %", "gap"]
    header += ["untrained %"] if evaluation.settings["task"] == "contrastive" else []
    header += ["records/s", "loader"]
    return header, [_line(evaluation, row, told) for row in evaluation.rows]


def heading(evaluation: Evaluation) -> list[str]:
    """Lines about all runs together."""
    settings, dataset = evaluation.settings, evaluation.dataset
    first = evaluation.rows[0]
    told = _told(evaluation.rows)
    fixed = [
        f"{_LABELS.get(name, name)} {shown(value)}"
        for name, value in first.condition.items()
        if name not in told and value not in (None, 0.0, "none", "active")
    ]
    seeds = f"{first.seeds} seed" + ("s" if first.seeds > 1 else "")
    common = [settings["task"], f"{settings['steps']:,} steps of {settings['batch']}", seeds, *fixed]
    return [
        f"{dataset['name']}, dataset {evaluation.dataset_id[:16]}: {dataset['classes']} classes, "
        f"the largest one {100 * dataset['largest_class']:.1f} % of the {dataset['tested']:,} test objects",
        ", ".join(common),
    ]


def markdown(evaluation: Evaluation) -> str:
    """A page with the table, and how to make it again."""
    header, lines = cells(evaluation)
    versions = ", ".join(f"{name} {version}" for name, version in evaluation.versions.items())
    return "\n".join(
        (
            f"# Evaluation of {evaluation.dataset['name']}",
            "",
            "\\\n".join(heading(evaluation)),
            "",
            _piped(header),
            _piped(["---"] * len(header)),
            *map(_piped, lines),
            "",
            _PROBED if evaluation.settings["task"] == "contrastive" else _EXPLAINED,
            "",
            f"Made by `{evaluation.command}`",
            f"of dataset {evaluation.dataset_id}, with {versions}.",
            "",
        )
    )


def _told(rows: Sequence[Row]) -> list[str]:
    """What lines of the table begin with."""
    return [*dict.fromkeys(("reader", "views", *varying(rows)))]


def _line(evaluation: Evaluation, row: Row, told: Sequence[str]) -> list[str]:
    rate, share = evaluation.speed(row)
    speed = ["", ""] if math.isnan(rate) else [f"{rate:,.0f}", f"{100 * share:.0f} %"]
    condition = [shown(row.condition[name]) for name in told]
    floor = [] if row.untrained is None else [row.untrained.text()]
    return [*condition, f"{row.records:,}", row.train.text(), row.test.text(), row.gap.text(), *floor, *speed]


def shown(value: object) -> str:
    """A part of a condition; None stands for all objects."""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return "all" if value is None else str(value)


def _piped(line: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"

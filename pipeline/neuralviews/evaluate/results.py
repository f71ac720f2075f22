"""Results of an evaluation: what was measured, over seeds, with all that is needed to measure it again."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import FormatError, IntegrityError, NotAStore
from ..store.canonical import canonical_json, parse_canonical
from ..store.files import read_whole
from ..store.schema import MAX_JSON_BYTES

__all__ = [
    "RESULTS_FILE",
    "TIMES_FILE",
    "Evaluation",
    "Measured",
    "Row",
    "Run",
    "Spread",
    "Times",
    "csv_text",
    "load_results",
    "summarized",
]

RESULTS_FILE, TIMES_FILE = "results.json", "times.json"


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run came to: the same again on the same versions and processor. See `training.Trained`.

    Args:
        untrained: of contrastive runs, the test accuracy of the probe on a reader that learned nothing.
    """

    train: float
    val: float
    test: float
    step: int
    records: int
    parameters: int
    untrained: float | None = None


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a run's steps took, and the getting of their batches; seconds."""

    seconds: float
    loader_seconds: float
    records_per_second: float


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run: its condition (see `conditions.Condition`), and what it came to.

    Args:
        augmentation: its steps, every setting stated.
        lr, hidden: learning rate and width of the reader.
    """

    id: str
    condition: dict[str, Any]
    augmentation: list[dict[str, Any]]
    lr: float
    hidden: int
    measured: Measured


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over seeds: the mean, and the sample standard deviation (divided by n - 1); None of a single seed."""

    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of one value a seed."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def text(self) -> str:
        """In percent: ``93.4 ± 0.6``."""
        return f"{100 * self.mean:.1f}" + ("" if self.std is None else f" ± {100 * self.std:.1f}")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All seeds of one condition.

    Args:
        condition: without its seed.
        records: trained on; the same for all seeds.
        train, val, test: accuracies from 0 to 1; gap: train - test.
        untrained: see `Measured`.
    """

    condition: dict[str, Any]
    seeds: int
    records: int
    train: Spread
    val: Spread
    test: Spread
    gap: Spread
    untrained: Spread | None = None


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["neuralviews-results"]
    format_version: Literal[1]
    dataset_id: str
    dataset: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str | None]
    command: str
    rows: list[Row]
    runs: list[Run]


class Evaluation(_Document, frozen=True):
    """An evaluation: the content of ``results.json``, and how long its runs took.

    Attributes:
        dataset_id, dataset: of the store, and what is told of it.
        settings: those that all runs share: task, steps, batch, learning rate, seed.
        versions: of packages that accuracies depend on.
        command: measures the same again.
        rows: one a condition, in the order asked for.
        runs: one a condition and seed.
        times: by id of the run; they differ each time.
    """

    times: dict[str, Times] = {}

    def speed(self, row: Row) -> tuple[float, float]:
        """Records a second of training, and the loader's share of the time, over all seeds of a row."""
        runs = [run.id for run in self.runs if _of_row(run.condition) == row.condition]
        found = [self.times[name] for name in runs if name in self.times]
        seconds = sum(times.seconds for times in found)
        if not seconds:
            return float("nan"), float("nan")
        trained = sum(times.records_per_second * times.seconds for times in found)
        return trained / seconds, sum(times.loader_seconds for times in found) / seconds

    def document(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        del content["times"]
        return content


def load_results(path: str | Path) -> Evaluation:
    """Read the results of an evaluation.

    Args:
        path: its folder, or the ``results.json`` in it.
    Raises:
        NotAStore: there are none.
        FormatError: the file is not what an evaluation writes.
    """
    path = Path(path)
    folder = path.parent if path.name == RESULTS_FILE else path
    if not (folder / RESULTS_FILE).exists():
        raise NotAStore(
            f"{folder}: holds no {RESULTS_FILE}; expected the folder of a finished `neuralviews evaluate`"
        )
    content = _read(folder, RESULTS_FILE)
    times = _read(folder, TIMES_FILE) if (folder / TIMES_FILE).exists() else {}
    try:
        return msgspec.convert({**content, "times": times}, Evaluation)
    except msgspec.ValidationError as error:
        raise FormatError(f"{folder / RESULTS_FILE}: {error}; evaluate again") from None


def summarized(runs: Sequence[Run]) -> list[Row]:
    """One row for each condition, in the order in which they first appear."""
    groups: dict[bytes, list[Run]] = {}
    for run in runs:
        groups.setdefault(canonical_json(_of_row(run.condition)), []).append(run)
    return [_row([run.measured for run in group], _of_row(group[0].condition)) for group in groups.values()]


def csv_text(evaluation: Evaluation) -> str:
    """One line a condition, one column a number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    spreads = ("train", "val", "test", "gap")
    measured = [f"{name}_{part}" for name in spreads for part in ("mean", "std")]
    names = [*evaluation.rows[0].condition] if evaluation.rows else []
    measured += ["untrained_mean", "untrained_std", "records_per_second", "loader_share"]
    writer.writerow([*names, "seeds", "records", *measured])
    for row in evaluation.rows:
        values = [getattr(getattr(row, name), part) for name in spreads for part in ("mean", "std")]
        values += [None, None] if row.untrained is None else [row.untrained.mean, row.untrained.std]
        rate, share = evaluation.speed(row)
        cells = [*row.condition.values(), row.seeds, row.records, *values, f"{rate:.0f}", f"{share:.4f}"]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _row(found: Sequence[Measured], condition: dict[str, Any]) -> Row:
    untrained = [one.untrained for one in found if one.untrained is not None]
    return Row(
        condition,
        seeds=len(found),
        records=found[0].records,
        train=Spread.of([one.train for one in found]),
        val=Spread.of([one.val for one in found]),
        test=Spread.of([one.test for one in found]),
        gap=Spread.of([one.train - one.test for one in found]),
        untrained=Spread.of(untrained) if untrained else None,
    )


def _of_row(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in condition.items() if name != "seed"}


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = parse_canonical(read_whole(folder, name, MAX_JSON_BYTES), folder / name)
    except IntegrityError as error:
        raise FormatError(str(error)) from None
    if not isinstance(content, dict):
        raise FormatError(f"{folder / name}: found no JSON object; evaluate again")
    return content

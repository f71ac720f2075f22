"""Tables of results.md from the numbers kept beside this file: what stands between two marks is replaced."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from neuralviews.evaluate.results import Evaluation, Row, Spread

from .corruption import NOISES
from .grids import GRIDS

__all__ = ["fill_page"]

_MARK = re.compile(r"<!-- table ([^>]*?) -->\n.*?<!-- end -->", re.DOTALL)


_INIT_READERS = (("dws", "inits"), ("sine-graph", "sine-inits"))


def fill_page(page: Path, kept: Path) -> None:
    """Replace every table of the page.

    A mark is ``<!-- table grid=views rows=store,reader columns=views value=test -->``; the value is that of
    `evaluate.results.Row`, and ``rows`` and ``columns`` are parts of a condition, or the store.
    """
    text = _MARK.sub(lambda found: _filled(found[1], kept), page.read_text())
    for name, table in (
        ("inits", _inits(kept)),
        ("ablation", _ablation(kept)),
        ("corruption", _corruption(kept)),
    ):
        mark = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
        text = mark.sub(f"<!-- {name} -->\n{table}\n<!-- end -->", text)
    page.write_text(text)


def _filled(mark: str, kept: Path) -> str:
    asked = dict(part.split("=", 1) for part in mark.split())
    rows, column = asked["rows"].split(","), asked["columns"]
    values = asked["value"].split(",")
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    columns: list[str] = []
    for store in GRIDS[asked["grid"]].stores:
        path = kept / f"{asked['grid']}-{store}.json"
        if not path.exists():
            continue
        for row in _loaded(path).rows:
            told = {"store": store, **{name: _shown(value) for name, value in row.condition.items()}}
            line = cells.setdefault(tuple(told[name] for name in rows), {})
            for value in values:
                head = told[column] if len(values) == 1 else f"{told[column]}: {value}"
                columns += [] if head in columns else [head]
                line[head] = _text(row, value)
    header = [*(name.replace("_", " ") for name in rows), *(_headed(column, head) for head in columns)]
    lines = [[*key, *(line.get(head, "") for head in columns)] for key, line in cells.items()]
    return f"<!-- table {mark} -->\n{_table([header, *lines], left=len(rows))}\n<!-- end -->"


def _inits(kept: Path) -> str:
    """What the inits between siren and dws come to, and what is read of their fields."""
    header = ["first weights", "biases", "last weights", "PSNR", "steps", "drift / init"]
    lines = [[*header, "phases, half turns", *(reader for reader, _ in _INIT_READERS)]]
    for name, noted in json.loads((kept / "inits.json").read_text()).items():
        line = ["siren" if letter == "s" else "dws" for letter in name.removeprefix("init-")]
        line += [f"{noted['psnr']:.1f} dB", f"{noted['steps']:.0f}", f"{noted['drift']:.2f}"]
        line.append(", ".join(f"{spread:.2f}" for spread in noted["half_turns"]))
        paths = (kept / f"{grid}-{name}.json" for _, grid in _INIT_READERS)
        line += [_loaded(path).rows[0].test.text() if path.exists() else "" for path in paths]
        lines.append(line)
    return _table(lines, left=3)


def _ablation(kept: Path) -> str:
    """`sine-graph` whose channels begin at nothing."""
    lines = [["store", "views", "train", "test"]]
    for name, noted in json.loads((kept / "ablation.json").read_text()).items():
        lines.append([*name.split(), noted["train"], noted["test"]])
    return _table(lines, left=1)


def _corruption(kept: Path) -> str:
    """`dws` on fields under noise, by the noise on its own weights while it was trained."""
    lines = [["damp", *(f"noise {noise:g}" for noise in NOISES)]]
    lines += [[damp, *noted] for damp, noted in json.loads((kept / "corruption.json").read_text()).items()]
    return _table(lines, left=1)


def _table(lines: list[list[str]], left: int) -> str:
    """Lines of Markdown; all but the first columns are right-aligned."""
    rule = ["---"] * left + ["--:"] * (len(lines[0]) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _loaded(path: Path) -> Evaluation:
    return msgspec.convert({**msgspec.json.decode(path.read_bytes()), "times": {}}, Evaluation)


def _text(row: Row, value: str) -> str:
    found: Spread | None = getattr(row, value)
    return "" if found is None else found.text()


def _headed(column: str, head: str) -> str:
    """A number of views is told with its noun."""
    if column != "views":
        return head
    count, mark, value = head.partition(":")
    return f"{count} view{'' if count == '1' else 's'}{mark}{value}"


def _shown(value: Any) -> str:
    return "all" if value is None else str(value)

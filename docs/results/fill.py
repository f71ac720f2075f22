"""Tables of results.md from the numbers kept beside this file: what stands between two marks is replaced."""

import re
from pathlib import Path
from typing import Any

from neuralviews.evaluate.results import Evaluation, Row, Spread

from .grids import GRIDS

__all__ = ["fill_page"]

_MARK = re.compile(r"<!-- table ([^>]*?) -->\n.*?<!-- end -->", re.DOTALL)


def fill_page(page: Path, kept: Path) -> None:
    """Replace every table of the page.

    A mark is ``<!-- table grid=views rows=store,reader columns=views value=test -->``; the value is that of
    `evaluate.results.Row`, and ``rows`` and ``columns`` are parts of a condition, or the store.
    """
    text = page.read_text()
    page.write_text(_MARK.sub(lambda found: _filled(found[1], kept), text))


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
    lines = [header, ["---"] * len(rows) + ["--:"] * len(columns)]
    lines += [[*key, *(line.get(head, "") for head in columns)] for key, line in cells.items()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"<!-- table {mark} -->\n{table}\n<!-- end -->"


def _loaded(path: Path) -> Evaluation:
    import msgspec

    return msgspec.convert({**msgspec.json.decode(path.read_bytes()), "times": {}}, Evaluation)


def _text(row: Row, value: str) -> str:
    found: Spread | None = getattr(row, value)
    return "" if found is None else found.text()


def _headed(column: str, head: str) -> str:
    return f"{head} view{'' if head.split(':')[0] == '1' else 's'}" if column == "views" else head


def _shown(value: Any) -> str:
    return "all" if value is None else str(value)

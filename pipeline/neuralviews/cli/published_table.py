"""The registry of published sets as text: all in a table or as JSON, or everything about one."""

import json
import textwrap

from ..errors import printable
from .published_facts import HEADER, RIGHT, facts, row
from .text import table

__all__ = ["published_json", "published_table", "published_text"]

_WIDTH = 100


def published_table() -> str:
    """A line for each set, and what the columns mean."""
    from ..remote.published import load_published

    sets = load_published()
    known = sum(entry.sha256 != "unknown" for entry in sets)
    return (
        f"{table(HEADER, map(row, sets), RIGHT)}\n\n"
        "? is unknown, ~ somebody's rounded figure; w is omega; z-score: less the mean, by the deviation.\n"
        f"A sha256 is known of {known} of {len(sets)} sets."
    )


def published_json() -> str:
    """Every fact about every set: a list of tables, each with its paper's."""
    from msgspec import to_builtins

    from ..remote.published import load_published

    return json.dumps([to_builtins(entry) for entry in load_published()], indent=2)


def published_text(name: str) -> str:
    """Everything about one set, line by line.

    Raises:
        OptionError: no set has that name.
    """
    from ..remote.published import find_published

    entry = find_published(name)
    pairs = facts(entry)
    width = max(len(what) for what, _ in pairs) + 2
    lines = [f"{entry.name}: {entry.title}", ""]
    for what, text in pairs:
        wrapped = textwrap.wrap(
            printable(text), _WIDTH - width, break_long_words=False, break_on_hyphens=False
        )
        lines += [f"{'' if i else what:<{width}}{line}" for i, line in enumerate(wrapped)]
    return "\n".join(lines)

"""Write published.md, beside this file, from the registry of published sets:

python docs/make_published.py
"""

import re
from pathlib import Path

from neuralviews.cli.published_facts import HEADER, facts, row
from neuralviews.remote.published import Published, load_published

PAGE = Path(__file__).parent / "published.md"
_ADDRESS = re.compile(r"https://[^\s,()]+")
_HEAD = """# Published sets

Datasets of neural fields that others published, what is known of each, and sets that are taken for such.
This page is made from the registry that `neuralviews download --list` shows.

What nobody stated is **unknown**. *Unverified* facts rest on inference or on what others tell: nobody checked
them on the files or in the publisher's code. A licence is that of the data; the code beside it may have
another. Sizes are somebody's rounded figures. In the table `?` is unknown and `w` is omega; `z-score` targets
are values less a mean, divided by a deviation.
"""


def published_page() -> str:
    """The page: a table of all sets, and everything that is known of each."""
    sets = load_published()
    rule = "|".join(["---"] * len(HEADER))
    table = [f"| {' | '.join(HEADER)} |", f"|{rule}|"]
    table += [f"| {' | '.join([_linked(entry), *map(_marked, row(entry)[1:])])} |" for entry in sets]
    return "\n".join([_HEAD, *table, "", *(_section(entry) for entry in sets)])


def _linked(entry: Published) -> str:
    return f"[{entry.name}](#{entry.name})"


def _section(entry: Published) -> str:
    lines = [f"- **{what}**: {_marked(text)}" for what, text in facts(entry)]
    return "\n".join([f"## {entry.name}", "", f"{_marked(entry.title)}.", "", *lines, ""])


def _marked(text: str) -> str:
    """Text as Markdown: addresses become links, and what has a meaning outside of code is escaped."""
    pieces, end = [], 0
    for address in _ADDRESS.finditer(text):
        pieces += [_escaped(text[end : address.start()]), f"<{address[0]}>"]
        end = address.end()
    return "".join([*pieces, _escaped(text[end:])])


def _escaped(text: str) -> str:
    parts = text.split("`")
    return "`".join(re.sub(r"([\\*_\[\]<>|])", r"\\\1", p) if i % 2 == 0 else p for i, p in enumerate(parts))


if __name__ == "__main__":
    PAGE.write_text(published_page())

"""The registry of the datasets of fields that others published: where they are, and what is known of them.

The facts are in ``published.toml``, beside this module.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ..errors import OptionError, RecipeError
from ..recipe_errors import convert, nearest, read_toml, shown
from .published_schema import Convention, Paper, SetTable

__all__ = ["Published", "find_published", "load_published", "published_names", "read_published"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 40


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    papers: Annotated[dict[str, dict[str, Any]], Meta(description="tables [papers.KEY]")]
    sets: Annotated[dict[str, dict[str, Any]], Meta(description="tables [sets.NAME]")]


class Published(SetTable, frozen=True, kw_only=True):
    """A published set with its name and its paper.

    Attributes:
        name: short, lower-case letters, digits and '-'.
        publication: the paper that `paper` is the key of.
    """

    name: str
    publication: Paper

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Addresses at which a plain request gets the file, the first to be tried first."""
        return tuple(link.url for link in self.links if link.kind == "file")

    @property
    def pages(self) -> tuple[str, ...]:
        """Addresses for a browser."""
        return tuple(link.url for link in self.links if link.kind != "file")


def load_published() -> tuple[Published, ...]:
    """Every set of the registry, sorted by name, checked."""
    return read_published(Path(str(files(__package__))) / "published.toml", "published.toml")


def published_names() -> tuple[str, ...]:
    """Names of all sets, sorted."""
    return tuple(entry.name for entry in load_published())


def find_published(name: str) -> Published:
    """A set by its name.

    Raises:
        OptionError: no set has that name; the message names the nearest.
    """
    sets = {entry.name: entry for entry in load_published()}
    if name not in sets:
        raise OptionError(
            f"no published set is named {shown(name)}{nearest(name, sets) or ';'} "
            f"`neuralviews download --list` shows all {len(sets)}"
        )
    return sets[name]


def read_published(path: Path, where: str) -> tuple[Published, ...]:
    """Read and check a registry; ``where`` is what messages call it.

    Raises:
        RecipeError: it cannot be read, is no TOML, or holds an unknown key or an impossible value; the
            message names the key, what was found and what was expected.
    """
    document = convert(read_toml(path, where, "a registry of published sets"), _Document, where)
    papers = {key: convert(table, Paper, f"{where}: papers.{key}") for key, table in document.papers.items()}
    found = []
    for name, content in sorted(document.sets.items()):
        at = f"{where}: sets.{name}"
        table = convert(content, SetTable, at)
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise RecipeError(
                f"{at}: the name: expected lower-case letters, digits and single '-', {_LONGEST_NAME} at most"
            )
        if table.paper not in papers:
            raise RecipeError(
                f"{at}: paper: found {shown(table.paper)}{nearest(table.paper, papers) or ';'} "
                f"expected a key of [papers]: {', '.join(sorted(papers))}"
            )
        for key, problem in _problems(table):
            raise RecipeError(f"{at}: {key}: {problem}")
        given = {key: getattr(table, key) for key in SetTable.__struct_fields__}
        found.append(Published(name=name, publication=papers[table.paper], **given))
    return tuple(found)


def _problems(table: SetTable) -> Iterator[tuple[str, str]]:
    """What no single key shows: (key, problem)."""
    kinds = {link.kind for link in table.links}
    by = "download" if "file" in kinds else "browser" if kinds else None
    if by is not None and table.by != by:
        yield "by", f"found {table.by!r}, expected {by!r}: that is what the kinds of its links allow"
    if by is None and table.by not in ("e-mail", "nothing"):
        yield "by", f"found {table.by!r} without a link, expected 'e-mail' or 'nothing'"
    if (table.obtain is None) != (table.by == "download"):
        yield "obtain", f"expected for every set but those by 'download', found a set by {table.by!r}"
    if (table.reason is None) != (table.format != "none"):
        yield "reason", f"expected for format 'none' alone, found format {table.format!r}"
    if table.kind != "fields" and table.convention != Convention():
        yield "convention", f"found one, expected none: {table.kind} have no convention of fields"
    if table.kind != "fields" and table.format != "none":
        yield "format", f"found {table.format!r}, expected 'none': {table.kind} cannot be imported"
    if len({link.url for link in table.links}) < len(table.links):
        yield "links", "found an address twice, expected each once"
    if not isinstance(table.splits, str) and isinstance(table.objects, int):
        parts = table.splits.train + table.splits.val + table.splits.test
        if parts != table.objects:
            yield "splits", f"found {parts} objects in all, expected {table.objects}, the set's objects"
    yield from _convention_problems(table)


def _convention_problems(table: SetTable) -> Iterator[tuple[str, str]]:
    dims, pairs = table.convention.dims, table.convention.target_range
    if not isinstance(pairs, str):
        if any(low == high for low, high in pairs):
            yield "convention.target_range", "found two equal numbers, expected two ends"
        if not isinstance(dims, str) and len(pairs) not in (1, dims[-1]):
            yield "convention.target_range", f"found {len(pairs)} pairs, expected 1 or {dims[-1]}"
    if not isinstance(table.fingerprint, msgspec.Struct):
        return
    for key in ("weight_std", "bias_std"):
        count = len(getattr(table.fingerprint, key))
        if isinstance(dims, str) or count != len(dims) - 1:
            yield (
                f"fingerprint.{key}",
                f"found {count} numbers, expected one for each layer of dims {shown(dims)}",
            )

"""Lists of paths by split, as DWSNets and its followers keep them in JSON, rebased on the files at hand.

The paths are those of the machine that made them, so only their last parts count.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..errors import SourceError, printable
from ..records import NO_LABEL, Split
from .files import Files
from .format import Hints

__all__ = ["Assigned", "assigned", "found_splits", "last_parts", "split_lists", "spread", "unlisted"]

Assigned = Mapping[str, tuple[Split, int]]
"""File -> its split, and its label or `NO_LABEL` if the lists state none."""

_SHOWN = 3
_CLASS = re.compile(r"\d{1,7}", re.ASCII)
_LISTS = re.compile(r"(?:.*/)?[^/]*splits?\.json")


def split_lists(value: Any, where: str) -> dict[Split, list[tuple[str, int]]]:
    """Paths and labels of each split: of ``{split: [path]}`` or of ``{split: {"path": [...], "label":
    [...]}}``.

    Raises:
        SourceError: it is neither.
    """
    if not isinstance(value, dict) or not value or not {*value} <= {*Split.__members__}:
        found = sorted(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise SourceError(
            f"{where}: found {printable(str(found))[:80]}, expected lists of paths by split: train, val, test"
        )
    return {Split[name]: list(_pairs(part, f"{where}: {name}")) for name, part in value.items()}


def _pairs(part: Any, where: str) -> Sequence[tuple[str, int]]:
    paths, labels = (part.get("path"), part.get("label")) if isinstance(part, dict) else (part, None)
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise SourceError(f"{where}: expected a list of paths, or a table of path and label")
    if labels is None:
        return [(path, NO_LABEL) for path in paths]
    if not isinstance(labels, list) or len(labels) != len(paths):
        raise SourceError(f"{where}: expected as many labels as its {len(paths)} paths")
    if not all(type(label) in (int, str) and _CLASS.fullmatch(str(label)) for label in labels):
        raise SourceError(f"{where}: expected labels that are whole numbers from 0")
    return [(path, int(label)) for path, label in zip(paths, labels, strict=True)]


def assigned(
    lists: Mapping[Split, Sequence[tuple[str, int]]],
    files: Sequence[str],
    key: Callable[[str], str | None],
    where: str,
) -> Assigned:
    """The split and the label of each file that a list names.

    Args:
        key: the part of a path that tells files apart, wherever they lie; None of other files.
    Raises:
        SourceError: a list names files that are not there, or one of them twice, or files of the same key lie
            in several places.
    """
    by_key: dict[str, str] = {}
    for file in files:
        known = key(file)
        if known is not None and by_key.setdefault(known, file) != file:
            raise SourceError(
                f"{where}: cannot tell {by_key[known]} from {file}, expected one file that ends in {known}: "
                "take one of them away"
            )
    result: dict[str, tuple[Split, int]] = {}
    missing: list[str] = []
    for split, pairs in lists.items():
        for path, label in pairs:
            found = key(path)
            name = None if found is None else by_key.get(found)
            if name is None:
                missing.append(path)
            elif name in result:
                raise SourceError(f"{where}: names {printable(path)} twice, expected each file in one place")
            else:
                result[name] = (split, label)
    if missing:
        shown = ", ".join(map(printable, missing[:_SHOWN])) + (" ..." if len(missing) > _SHOWN else "")
        raise SourceError(
            f"{where}: names {len(missing)} of {len(missing) + len(result)} files that are not there "
            f"({shown}); give all files, or lists of those that there are"
        )
    return result


def last_parts(count: int) -> Callable[[str], str]:
    """A key for `assigned`: so many last parts of a path."""
    return lambda path: "/".join(path.replace("\\", "/").split("/")[-count:])


def spread(splits: Assigned, objects: Mapping[str, Hashable]) -> Assigned:
    """The same for all files of an object of which a list names one: splits belong to objects, and lists may
    name some views of them alone.

    Args:
        objects: file -> what its object is known by.
    """
    by_object = {objects[name]: found for name, found in splits.items()}
    return {name: splits.get(name, by_object[known]) for name, known in objects.items() if known in by_object}


def found_splits(
    files: Files, hints: Hints, names: Sequence[str], key: Callable[[str], str | None]
) -> tuple[Assigned, tuple[str, ...]]:
    """Splits that were given, else those of the one file among others that holds lists of them.

    A note that lies beside an export states splits itself, so that its lists, which are for other programs,
    are passed over.

    Returns:
        File -> split and label, empty without lists; and the names of the files that were read for it.
    """
    if hints.splits is not None:
        value, where = hints.splits
        return assigned(split_lists(value, where), names, key, where), ()
    lists = [name for name, _ in files.matching(_LISTS)]
    if hints.note is not None or not lists:
        return {}, ()
    if len(lists) > 1:
        raise SourceError(
            f"{files.describe()}: found {lists[0]} and {lists[1]}, expected one list of splits: "
            "name one with --splits"
        )
    where = files.describe(lists[0])
    return assigned(split_lists(files.json(lists[0]), where), names, key, where), (lists[0],)


def unlisted(names: Sequence[str], splits: Assigned) -> dict[str, str]:
    """Files that lists of splits, if there are any, do not name."""
    return {name: "no list of splits names it" for name in names if splits and name not in splits}

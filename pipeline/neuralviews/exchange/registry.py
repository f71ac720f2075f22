"""Formats by name, and which of them files are of."""

import difflib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from ..errors import OptionError, SourceError, printable

if TYPE_CHECKING:
    from .files import Files
    from .format import Format

__all__ = ["EXPORTS", "FORMATS", "MESHES", "choose", "get_format", "members"]

FORMATS = (
    "dwsnets",
    "dwsnets-fmnist",
    "dwsnets-sine",
    "multiview",
    "nfn",
    "implicit-zoo",
    "fit-a-nef",
    "inr2vec",
    "safetensors",
    "npz",
)
"""Names of all formats of datasets, each that of its module with ``-`` for ``_``. A name stands for those too
that begin with it and a ``-``: those of one program."""
MESHES = "meshes"
EXPORTS = (*FORMATS, MESHES)
"""What records can be exported to: surfaces of shapes too, which nothing is imported from."""

_SHOWN = 5


def get_format(name: str) -> "Format":
    """A format of `FORMATS`."""
    return cast("Format", importlib.import_module(f".{name.replace('-', '_')}", __package__))


def members(name: str) -> tuple[str, ...]:
    """The formats that a name stands for.

    Raises:
        OptionError: no such format.
    """
    found = tuple(one for one in FORMATS if one == name or one.startswith(f"{name}-"))
    if not found:
        near = difflib.get_close_matches(name, FORMATS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected auto or one of {', '.join(FORMATS)}"
        raise OptionError(f"format: found {name!r}; {hint}")
    return found


def choose(files: "Files", name: str) -> tuple[str, str]:
    """The format of files, and why it is that.

    Args:
        name: of a format, or ``auto`` for any.
    Raises:
        OptionError: no such format.
        SourceError: the files are of none of these formats, or of several.
    """
    wanted = FORMATS if name == "auto" else members(name)
    found = dict(_detected(files, wanted))
    if len(found) == 1:
        ((one, why),) = found.items()
        return one, why
    if found:
        several = "; ".join(f"{one}: {why}" for one, why in found.items())
        raise SourceError(
            f"{files.describe()}: could be of several formats ({several}); name one of them with --from"
        )
    _require_no_store(files)
    looked = "; ".join(f"{one}: {get_format(one).LOOKS_FOR}" for one in wanted)
    raise SourceError(f"{files.describe()}: found {_shown(files)}, looked for {looked}")


def _require_no_store(files: "Files") -> None:
    from ..store.schema import JOB_FILE, MANIFEST_FILE  # imports numpy, which the names of formats need not

    names = set(files.names)
    for name in files.names:
        folder, slash, last = name.rpartition("/")
        if last == JOB_FILE and f"{folder}{slash}{MANIFEST_FILE}" in names:
            raise SourceError(
                f"{files.describe(name)}: beside a {MANIFEST_FILE}, so that this is a neuralviews store "
                "already, with nothing to import: use its folder as it is (unpack an archive first), or give "
                "the folder to `neuralviews download`"
            )


def _detected(files: "Files", wanted: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for one in wanted:
        why = get_format(one).detect(files)
        if why is not None:
            yield one, why


def _shown(files: "Files") -> str:
    names = files.names
    if not names:
        return "no files"
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(printable, names[:_SHOWN])) + more

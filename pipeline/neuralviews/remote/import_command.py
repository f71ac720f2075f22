"""The command that imports what a download fetched, for whoever has to say more than a download can."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import OptionError, SourceError

__all__ = ["import_command", "options_of_import"]

_NONE = MappingProxyType[str, Any]({})
_OPTION = re.compile(r"(?<![^\s(])--(?!from\b)[a-z]")
"""An option that a download does not have; names of files may hold as much inside."""


def import_command(
    path: str | Path, kind: str, out: str | Path, conventions: Mapping[str, Any] = _NONE
) -> str:
    """The command that imports what was fetched.

    Args:
        conventions: as `ImportOptions` has them.
    """
    command = ["neuralviews", "import", str(path), "--from", kind, "--out", str(out)]
    for name, value in conventions.items():
        text = ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
        command.append(f"--{name.replace('_', '-')}={text}")
    return shlex.join(command)


@contextmanager
def options_of_import(command: str) -> Iterator[None]:
    """Say of which command an option is that an error of the import advises: downloads do not have it."""
    try:
        yield
    except (OptionError, SourceError) as error:
        if not _OPTION.search(str(error)):
            raise
        kind = OptionError if isinstance(error, OptionError) else SourceError
        raise kind(f"{error}; it is an option of {command}") from None

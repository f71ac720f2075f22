"""requirements.lock.txt: exact versions of the packages that decide the bytes of a dataset."""

from pathlib import Path

import msgspec

from ..errors import FormatError, printable
from ..store.environment import describe_environment
from ..store.files import read_whole
from ..store.schema import ENVIRONMENT_FILE

__all__ = ["environment_of", "lock_text"]

_LONGEST = 1 << 20


class _Environment(msgspec.Struct):
    """The part of environment.json that a lock needs."""

    python: str
    system: str
    machine: str
    packages: dict[str, str | None]


def environment_of(root: Path) -> bytes | None:
    """environment.json of a store; None if it has none.

    Raises:
        StoreError: it is a link, or cannot be read.
    """
    if not (root / ENVIRONMENT_FILE).exists():
        return None
    return read_whole(root, ENVIRONMENT_FILE, _LONGEST)


def lock_text(environment: bytes | None, where: Path) -> str:
    """Requirements for pip: of the store's environment, else of this machine, and they say of which.

    Labels of local builds, as in ``2.13.0+cpu``, no index has; they follow as comments.

    Args:
        environment: as `environment_of` gave it.
        where: the store, to name in errors.
    Raises:
        FormatError: the environment is not what neuralviews writes.
    """
    if environment is None:
        found = msgspec.convert(describe_environment(), _Environment)
        of = "the machine that published the dataset: its maker's are not known"
    else:
        found, of = _parsed(environment, where / ENVIRONMENT_FILE), "the machine that finished the dataset"
    lines = [
        f"# Python {found.python} on {found.system} {found.machine}; packages of {of}.",
        *(_requirement(name, version) for name, version in sorted(found.packages.items()) if version),
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def _requirement(name: str, version: str) -> str:
    public, _, local = version.partition("+")
    return f"{name}=={public}" + (f"  # {version}" if local else "")


def _parsed(environment: bytes, where: Path) -> _Environment:
    try:
        return msgspec.json.decode(environment, type=_Environment)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FormatError(
            f"{where}: not what neuralviews writes there; remove the file, or restore it"
        ) from None

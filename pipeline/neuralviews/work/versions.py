"""What has to be the same on all hosts of a run: Python, and packages that reach bytes or messages."""

import platform
import socket
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from .._version import __version__
from ..errors import EngineError

__all__ = ["PACKAGES", "Versions", "host", "require_same", "versions_here"]

PACKAGES = ("numpy", "numba", "llvmlite", "h5py", "torch", "joblib", "distributed")

Versions = Mapping[str, str]
"""Name of a package, or ``python``, -> its version; one that is not installed has none."""


def versions_here() -> dict[str, str]:
    """Versions in this process."""
    found = {"python": platform.python_version(), "neuralviews": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def require_same(wanted: Versions, found: Versions, who: str) -> None:
    """Refuse a process that has other versions than the one that hands out the work.

    Args:
        who: what a message calls that process.
    Raises:
        EngineError: names the package, the process and both versions.
    """
    for name, expected in wanted.items():
        if found[name] != expected:
            raise EngineError(
                f"{who}: found {name} {found[name]}, expected {expected} as here; "
                "install the same versions on all hosts"
            )


@lru_cache(maxsize=1)
def host() -> str:
    """What this machine is called."""
    return socket.gethostname()

"""Facts about the machine that made a store: told to readers, part of no hash."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .._version import __version__

__all__ = ["describe_environment"]

_PACKAGES = ("numpy", "numba", "llvmlite", "h5py", "torch", "torchvision", "pillow", "scikit-learn", "joblib")


def describe_environment() -> dict[str, str | int | dict[str, str]]:
    """Versions, processor and operating system, as plain JSON values."""
    return {
        "neuralviews": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": os.cpu_count() or 0,
        "packages": {name: found for name in _PACKAGES if (found := _version_of(name))},
    }


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )

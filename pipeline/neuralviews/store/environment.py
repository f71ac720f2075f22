"""environment.json: what a store was made on, for information; nothing is ever decided by it."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .canonical import canonical_json
from .files import replace
from .schema import ENVIRONMENT_FILE

__all__ = ["describe_environment", "write_environment"]

_PACKAGES = (
    "neuralviews",
    "numpy",
    "numba",
    "llvmlite",
    "h5py",
    "torch",
    "torchvision",
    "scikit-learn",
    "pillow",
    "trimesh",
    "libigl",
    "scipy",
)


def describe_environment() -> dict[str, Any]:
    """This machine and its packages, without its name, its paths or the time."""
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "processor": _processor(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def write_environment(root: Path, environment: Mapping[str, Any]) -> None:
    """Write or replace environment.json; no checksum covers it, so that all machines give one dataset id."""
    replace(root, ENVIRONMENT_FILE, canonical_json(environment))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")

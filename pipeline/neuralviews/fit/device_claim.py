"""One GPU for each worker process: whoever asks for ``cuda`` takes one that no other process has taken.

A claim is a lock on a file named by the device; the kernel lifts it when the process ends, however it ends.
"""

import fcntl
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import EngineError
from ..store.files import output_errors

__all__ = ["claim_device"]

_claimed: dict[Path, tuple[int, str]] = {}
"""Folder of the locks -> the descriptor that holds the claim of this process, and its device."""
_claiming = threading.Lock()


def claim_device(
    device: str | None,
    count: Callable[[], int] | None = None,
    folder: Path | None = None,
    names: Callable[[int], list[str]] | None = None,
) -> str | None:
    """The device for this process to use: of several that it sees, one that no other process claimed.

    Args:
        device: what was asked for. Anything but plain ``"cuda"`` is taken literally.
        count: how many GPUs this process sees; None: ask torch.
        folder: of the locks; None: that of temporary files.
        names: what tells so many GPUs from all others of this host; None: ask torch for their UUIDs.
    Returns:
        ``"cuda:i"`` if there are several, else what was asked for, which then is claimed by nobody: where
        some processes see one GPU alone, all should. Further calls give the same.
    Raises:
        EngineError: all are taken: there are more workers than GPUs.
    """
    if device != "cuda" or (seen := (count or _count)()) < 2:
        return device
    folder = Path(tempfile.gettempdir()) if folder is None else folder
    with _claiming:
        if folder in _claimed:
            return _claimed[folder][1]
        for index, name in enumerate((names or _uuids)(seen)):
            descriptor = _locked(folder / f"neuralviews-{os.getuid()}-gpu-{name}")
            if descriptor is not None:
                _claimed[folder] = descriptor, f"cuda:{index}"
                return f"cuda:{index}"
    raise EngineError(
        f"device cuda: all {seen} GPUs are taken, so there are more workers on this host than GPUs; "
        "ask for fewer workers, or name a device such as cuda:0 for them to share"
    )


def _count() -> int:
    import torch

    return torch.cuda.device_count()


def _uuids(seen: int) -> list[str]:
    """Names that stay, where jobs see only some of the GPUs of a host and each counts its own from 0."""
    import torch

    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(seen)]


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock of a file until it is closed; None if another process does."""
    with output_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EngineError(f"{path}: not a regular file; remove it, and run the same command again")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor

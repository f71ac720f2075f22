"""Worker processes that joblib started for a process of this machine."""

from contextlib import suppress

import psutil

__all__ = ["workers_of"]


def workers_of(pid: int) -> list[int]:
    """Those alive now, whichever thread started them: loky replaces workers in a thread of its own."""
    found = []
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            with suppress(psutil.Error):
                if any("LokyProcess" in argument for argument in child.cmdline()):
                    found.append(child.pid)
    return found

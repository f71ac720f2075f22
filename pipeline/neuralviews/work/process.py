"""Being a worker process of this machine: its parent, its signals, and what it may tell of itself."""

import os
import signal
import threading
import time
from contextlib import suppress

__all__ = ["in_worker", "serve"]

_serving: set[int] = set()
_opening = threading.Lock()


def serve(parent: int) -> None:
    """Once in a worker process: leave Ctrl-C to the parent, and do not outlive a parent that was killed."""
    with _opening:
        if parent in _serving:
            return
        _serving.add(parent)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def in_worker() -> bool:
    """Whether this process works for another one: on this machine, or in a cluster."""
    if _serving:
        return True
    # Not imported for this: where dask is at work in a process, somebody imported it.
    import sys

    distributed = sys.modules.get("distributed")
    if distributed is not None:
        with suppress(ValueError):
            distributed.get_worker()
            return True
    return False

"""A call in a worker of a Dask cluster, which may be any process anywhere.

Dask makes a call again where the worker that was at it is gone. Every start leaves a mark at the scheduler
under the call's key, so a second start is known, and does nothing: who handed the call out decides what
comes next.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import EngineError, NeuralViewsError
from .calls import Died, Lost
from .versions import host, require_same, versions_here

__all__ = ["BEGUN", "RemoteCall", "sees_file", "unshared"]

BEGUN = "neuralviews-begun"
"""The topic under which workers tell what they begin: [key of the call, address of the worker]."""


@dataclass(frozen=True, eq=False)
class RemoteCall:
    """``function``, called in a worker of a cluster.

    Args:
        versions: (name, version) of what the worker has to have, too if it joins late.
        token: a file in the folder that all hosts share, which the worker has to see; None: they share none.
    """

    function: Callable[[int], Any]
    versions: tuple[tuple[str, str], ...]
    token: str | None = None

    def __call__(self, unit: int) -> Any:
        """The result, `Lost` if a worker began this call before, or `Died` if memory was not enough.

        Raises:
            What the function raises; the message of an error of ours, or of the system's, begins with the
            host.
        """
        from distributed import get_worker

        _require_fit(self.versions, self.token)
        worker = get_worker()
        if not _begin(str(worker.get_current_task()), worker.address):
            return Lost()
        try:
            with _one_thread():
                return self.function(unit)
        except NeuralViewsError as error:
            raise type(error)(f"worker on {host()}: {error}") from None
        except OSError as error:
            raise EngineError(f"worker on {host()}: {error}") from None
        except MemoryError:  # which the next worker may not survive
            return Died(alone=len(worker.active_threads) < 2)


def _begin(key: str, address: str) -> bool:
    """Whether this is the first start of a call, and the scheduler knows of it."""
    from distributed import Event, get_client

    try:
        client = get_client()
        mark = Event(key, client=client)
        if mark.is_set():
            return False
        mark.set()
        client.log_event(BEGUN, [key, address])
    except OSError:  # a bad moment of the network, which is no reason to end a run
        return False
    return True


@lru_cache(maxsize=4)
def _require_fit(versions: tuple[tuple[str, str], ...], token: str | None) -> None:
    require_same(dict(versions), versions_here(), f"worker on {host()}")
    if token is not None and not os.path.isfile(token):
        raise EngineError(unshared(host(), token))


def unshared(where: str, token: str) -> str:
    """What is said of a host that has another folder of the same name."""
    return (
        f"worker on {where}: {os.path.dirname(token)} is not the folder that this host has under this name; "
        "choose a folder that all hosts share, or add --writers driver"
    )


class _Limits:
    """Threads of libraries as they were before the first of some calls, until the last of them is over."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._pools: Any = None
        self._torch: int | None = None

    def enter(self) -> None:
        from threadpoolctl import threadpool_limits

        torch = sys.modules.get("torch")
        with self._lock:
            found = threadpool_limits(1)  # of each thread, as some libraries count
            if torch is not None and self._torch is None:
                self._torch = torch.get_num_threads()
            self._pools = self._pools or found
            self._inside += 1
            if torch is not None:
                torch.set_num_threads(1)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            self._pools.restore_original_limits()
            if self._torch is not None:
                sys.modules["torch"].set_num_threads(self._torch)
            self._pools = self._torch = None


_limits = _Limits()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Parallelism is over calls; a worker without a nanny has as many threads of libraries as cores."""
    _limits.enter()
    try:
        yield
    finally:
        _limits.leave()


def sees_file(path: str) -> tuple[str, bool]:
    """This host's name, and whether a file is there."""
    return host(), os.path.isfile(path)

"""A call in a worker of a Dask cluster, which may be any process anywhere.

Dask makes a call again where the worker that was at it is gone. Every start leaves a mark at the scheduler
under the call's key, so a second start is known, and does nothing: who handed the call out decides what
comes next.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import EngineError, NeuralViewsError
from .calls import Lost
from .versions import host, require_same, versions_here

__all__ = ["RemoteCall", "sees_file"]


@dataclass(frozen=True, eq=False)
class RemoteCall:
    """``function``, called in a worker of a cluster.

    Args:
        versions: (name, version) of what the worker has to have, too if it joins late.
    """

    function: Callable[[int], Any]
    versions: tuple[tuple[str, str], ...]

    def __call__(self, unit: int) -> Any:
        """The result, or `Lost` if a worker began this call before.

        Raises:
            What the function raises; the message of an error of ours begins with the host.
        """
        from distributed import Event, get_client, get_worker

        _require_same(self.versions)
        mark = Event(str(get_worker().get_current_task()), client=get_client())
        if mark.is_set():
            return Lost()
        mark.set()
        try:
            with _one_thread():
                return self.function(unit)
        except NeuralViewsError as error:
            raise type(error)(f"worker on {host()}: {error}") from None
        except MemoryError:
            raise EngineError(f"worker on {host()}: out of memory; give workers more of it") from None


@lru_cache(maxsize=4)
def _require_same(versions: tuple[tuple[str, str], ...]) -> None:
    require_same(dict(versions), versions_here(), f"worker on {host()}")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Parallelism is over calls; a worker without a nanny has as many threads of libraries as cores."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    with threadpool_limits(1):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


def sees_file(path: str) -> tuple[str, bool]:
    """This host's name, and whether a file is there."""
    return host(), os.path.isfile(path)

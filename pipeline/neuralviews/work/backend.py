"""How joblib hands calls to a Dask cluster, so that no worker's death can make it wait for ever.

joblib's own backend for Dask never hears of a call that Dask gives up, copies large arguments to a single
worker, whose death loses them, and runs a cluster of one thread in the process that asked. This one is
told of every end of a call, sends arguments along, and hands out a call only when the result of another was
taken, which bounds what waits here.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import distributed
from joblib._parallel_backends import ParallelBackendBase

from ..errors import EngineError
from .calls import Died, Lost

__all__ = ["ClusterBackend", "Removals"]

_PREFIX = "neuralviews-"
"""Of the names of calls in a cluster."""
_SILENT_DEATHS = 3
_POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 300.0
"""How long a cluster may be without any worker, as long as Dask waits for one that says nothing."""


class Removals:
    """Workers that a scheduler lost without having told them to go, by the calls that they had."""

    def __init__(self, client: Any) -> None:
        self._found: dict[str, list[int]] = {}
        client.subscribe_topic("all", self._hear)

    def _hear(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker" and not message["expected"]:
            calls = [key for key in message["processing-tasks"] if str(key).startswith(_PREFIX)]
            for key in calls:
                self._found.setdefault(key, []).append(len(calls))

    def of(self, key: str) -> Lost:
        """What became of a call that was begun and not ended: its worker died, or was told to go."""
        beside = self._found.pop(key, [])
        return Died(alone=1 in beside) if beside else Lost()


@dataclass(eq=False)
class _Call:
    """A call of joblib, and who is to hear of its end."""

    function: Any
    callback: Callable[[Any], None]
    future: Any = None

    @property
    def unit(self) -> int:
        ((_, (_, unit), _),) = self.function.items
        return int(unit)


class ClusterBackend(ParallelBackendBase):  # type: ignore[misc]
    """A backend of joblib; see its `ParallelBackendBase` for the methods.

    Args:
        client: of `distributed`.
        limit: how many calls are handed out at the same time; None: as many as the cluster has threads.
    """

    supports_retrieve_callback = True
    nesting_level = 0

    def __init__(self, client: Any, removals: Removals, limit: int | None) -> None:
        super().__init__()
        self._client, self._removals, self._limit = client, removals, limit
        self._lock = threading.RLock()
        self._waiting, self._out = deque[_Call](), dict[str, _Call]()
        self._untaken = self._silent = 0
        self._threads = sum(client.nthreads().values())
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None

    def effective_n_jobs(self, n_jobs: int) -> int:
        """How many calls joblib hands over at once; with 1 it would make them itself."""
        return max(2, self._most())

    def _most(self) -> int:
        return max(1, self._threads if self._limit is None else self._limit)

    def start_call(self) -> None:
        self._watch = threading.Thread(target=self._watch_workers, daemon=True)
        self._watch.start()

    def stop_call(self) -> None:
        self._stop.set()

    def submit(self, func: Any, callback: Callable[[Any], None]) -> _Call:
        call = _Call(func, callback)
        with self._lock:
            self._waiting.append(call)
        self._hand_out()
        return call

    def taken(self) -> None:
        """Say that a result has left this process's memory, so that there is room for one more."""
        with self._lock:
            self._untaken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        with self._lock:
            while self._waiting and self._untaken < self._most():
                call = self._waiting.popleft()
                self._untaken += 1
                key = f"{_PREFIX}{secrets.token_hex(8)}"
                self._out[key] = call
                call.future = self._client.submit(call.function, key=key, pure=False)
                call.future.add_done_callback(self._ended)

    def _ended(self, future: Any) -> None:
        """Called in a thread, however a call ends."""
        call = self._out.pop(future.key, None)
        if call is not None:
            call.callback(self._outcome(future, call))

    def _outcome(self, future: Any, call: _Call) -> Any:
        mark = distributed.Event(future.key, self._client)
        try:
            try:
                ((_, result),) = future.result()
            except distributed.KilledWorker:  # which counts workers in which it only waited, too
                if not mark.is_set():
                    return self._never_begun(call)
                result = Lost()
            if isinstance(result, Lost):
                result = self._removals.of(future.key)
            self._silent = 0
            mark.clear()
        except BaseException as error:  # that a call was cancelled is no Exception
            return error
        return [(call.unit, result)]

    def _never_begun(self, call: _Call) -> Any:
        """The end of a call whose workers died before they came to it: they may not be able to load it."""
        self._silent += 1
        if self._silent < _SILENT_DEATHS:
            return [(call.unit, Lost())]
        return EngineError(
            "workers of the cluster keep dying before they begin anything; "
            "look into their logs, and install the same packages on all hosts"
        )

    def retrieve_result_callback(self, out: Any) -> Any:
        if isinstance(out, BaseException):
            raise out
        return out

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back what was handed out; what is at work ends by itself, and nobody hears of it."""
        with self._lock:
            futures = [call.future for call in self._out.values()]
            self._out.clear()
            self._waiting.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures)

    def _watch_workers(self) -> None:
        """Hear of threads that join, and of the last worker's end."""
        without = 0.0
        while not self._stop.wait(_POLL_SECONDS):
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception:  # what is wrong with the scheduler, its calls tell
                continue
            without = 0.0 if self._threads else without + _POLL_SECONDS
            if without >= _PATIENCE_SECONDS:
                self._give_up()
                return
            self._hand_out()

    def _give_up(self) -> None:
        error = EngineError(
            f"the cluster has had no worker for {_PATIENCE_SECONDS:.0f} s; "
            "start workers, and run the same command again"
        )
        with self._lock:
            calls = [*self._out.values()]
            self._out.clear()
        for call in calls:
            call.callback(error)

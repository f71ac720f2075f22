"""How joblib hands calls to a Dask cluster, so that no worker's death can make it wait for ever.

joblib's own backend for Dask never hears of a call that Dask gives up, copies large arguments to a single
worker, whose death loses them, and runs a cluster of one thread in the process that asked. This one is
told of every end of a call, sends arguments along, and hands out a call only when the result of another was
taken, which bounds what waits here.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import distributed
from joblib._parallel_backends import ParallelBackendBase

from ..errors import EngineError
from .calls import Died, Lost
from .remote import BEGUN

__all__ = ["ClusterBackend", "Removals"]

_PREFIX = "neuralviews-"
"""Of the names of calls in a cluster."""
_SILENT_DEATHS = 3
_POLL_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
"""For the scheduler to answer a question."""
_PATIENCE_SECONDS = 300.0
"""How long a cluster may be without any worker or word, as long as Dask waits for a worker that is silent."""
_WINDOW = 4096
"""Calls that joblib hands over before it has a result, whatever number of workers may join later."""


class Removals:
    """Workers that a scheduler lost without having told them to go, by the calls that they had begun.

    Attributes:
        prefix: of the keys of calls, unlike that of any other client.
    """

    def __init__(self, client: Any) -> None:
        self.prefix = f"{_PREFIX}{secrets.token_hex(8)}-"
        self._begun: dict[str, set[str]] = {}
        self._found: dict[str, list[tuple[str, int]]] = {}
        client.subscribe_topic(BEGUN, self._hear_begin)
        client.subscribe_topic("all", self._hear)

    def _hear_begin(self, event: tuple[float, Any]) -> None:
        key, address = event[1]
        if key.startswith(self.prefix):
            self._begun.setdefault(key, set()).add(address)

    def _hear(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker" and not message["expected"]:
            calls = [key for key in message["processing-tasks"] if str(key).startswith(_PREFIX)]
            for key in calls:
                if str(key).startswith(self.prefix):
                    self._found.setdefault(key, []).append((message["worker"], len(calls)))

    def of(self, key: str) -> Lost:
        """What became of a call that was begun and not ended: its worker died, or was told to go."""
        begun = self._begun.get(key, ())
        beside = [count for worker, count in self._found.get(key, []) if worker in begun]
        return Died(alone=1 in beside) if beside else Lost()

    def forget(self, key: str) -> None:
        """A call is over, and its key will not be used again."""
        self._begun.pop(key, None)
        self._found.pop(key, None)


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
        """How many calls joblib hands over at once; those that are too many wait here."""
        return _WINDOW

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
                key = f"{self._removals.prefix}{secrets.token_hex(8)}"
                self._out[key] = call
                call.future = self._client.submit(call.function, key=key, pure=False)
                call.future.add_done_callback(self._ended)

    def _ended(self, future: Any) -> None:
        """Called in a thread, however a call ends."""
        with self._lock:
            call = self._out.get(future.key)
        found = None if call is None else self._outcome(future, call)
        self._removals.forget(future.key)
        if call is None:
            return
        with self._lock:
            heard = self._out.pop(future.key, None) is not None
        if heard:  # else it was given up meanwhile
            call.callback(found)

    def _outcome(self, future: Any, call: _Call) -> Any:
        try:
            try:
                ((_, result),) = future.result(timeout=_PATIENCE_SECONDS)
            except distributed.KilledWorker:  # which counts workers in which it only waited, too
                if not self._is_marked(future.key):
                    return self._never_begun(call)
                result = Lost()
            if type(result) is Lost:
                result = self._removals.of(future.key)
            self._silent = 0
            with suppress(OSError):
                self._at_scheduler(self._client.scheduler.event_clear, name=future.key)
        except BaseException as error:  # that a call was cancelled is no Exception
            return error
        return [(call.unit, result)]

    def _is_marked(self, key: str) -> bool:
        try:
            return bool(self._at_scheduler(self._client.scheduler.event_is_set, name=key))
        except OSError:  # not known: not held against anybody
            return True

    def _at_scheduler(self, question: Any, **arguments: Any) -> Any:
        return self._client.sync(question, callback_timeout=_ANSWER_SECONDS, **arguments)

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
        futures = [call.future for call in self._take_all() if call.future is not None]
        if futures and self._client.status == "running":
            with suppress(OSError):
                self._at_scheduler(self._client._cancel, futures=futures)

    def _take_all(self) -> list[_Call]:
        """All calls that have not ended, whose ends nobody hears of from now on."""
        with self._lock:
            calls = [*self._out.values(), *self._waiting]
            self._out.clear()
            self._waiting.clear()
        return calls

    def _watch_workers(self) -> None:
        """Hear of threads that join, of the last worker's end, and that the scheduler says nothing."""
        heard = manned = time.monotonic()
        while not self._stop.wait(_POLL_SECONDS):
            try:
                self._threads = sum(self._at_scheduler(self._client.scheduler.ncores).values())
            except Exception:  # what else is wrong with the scheduler, its calls tell
                if time.monotonic() - heard >= _PATIENCE_SECONDS:
                    self._give_up("the scheduler has not answered", "look after it")
                    return
                continue
            heard = time.monotonic()
            manned = heard if self._threads else manned
            if heard - manned >= _PATIENCE_SECONDS:
                self._give_up("the cluster has had no worker", "start workers")
                return
            self._hand_out()

    def _give_up(self, what: str, cure: str) -> None:
        error = EngineError(f"{what} for {_PATIENCE_SECONDS:.0f} s; {cure}, and run the same command again")
        for call in self._take_all():
            call.callback(error)

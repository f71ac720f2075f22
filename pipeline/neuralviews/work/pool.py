"""Calls run by worker processes, by threads, by a cluster, or here if one worker is enough.

This is the only place that calls joblib. Where a call's process dies, the others go on, and the caller hears
of it in the place of a result.
"""

import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import EngineError
from .calls import Died, Lost
from .marks import Mark, Marks
from .process import serve

if TYPE_CHECKING:
    from .cluster import Cluster

__all__ = ["Pool", "run_calls"]

Result = TypeVar("Result")
Function = Callable[[int], Result]

_SILENT_DEATHS = 3


@dataclass(frozen=True)
class Pool:
    """Where calls run.

    Args:
        workers: how many at the same time; None: one here, as many as there are threads in a cluster.
        threads: of this process, rather than processes.
        cluster: run them there.
    """

    workers: int | None = None
    threads: bool = False
    cluster: "Cluster | None" = None


def run_calls(
    function: Function[Result], units: Sequence[int], pool: Pool, *, apart: bool = False
) -> Generator[tuple[int, Result | Lost], None, None]:
    """``function(unit)`` for each of the units, as results come, each beside its unit.

    In worker processes, threads of libraries are kept to one.

    Args:
        function: pickles, if other processes are to call it.
        units: no two alike.
        apart: one after the other, each in a worker process in which nothing else is at work.
    Raises:
        EngineError: worker processes cannot be started, or die before they begin anything; the cluster is
            gone; or a call that this very process makes needs more memory than there is. In another process
            that is a death.
        Whatever ``function`` raises.
    """
    workers = 1 if apart else pool.workers
    if pool.cluster is not None:
        yield from _in_cluster(function, units, pool.cluster, workers)
    elif pool.workers in (1, None):
        with _out_of_memory():
            yield from ((unit, function(unit)) for unit in units)
    elif pool.threads:
        with _out_of_memory():
            yield from _run(((function, unit) for unit in units), backend="threading", n_jobs=pool.workers)
    elif apart:
        for unit in units:
            yield from _in_processes(function, [unit], 2)  # with 1, joblib would call it here
    else:
        assert pool.workers is not None
        yield from _in_processes(function, units, pool.workers)


def _in_processes(
    function: Function[Result], units: Sequence[int], workers: int
) -> Iterator[tuple[int, Result | Lost]]:
    """One worker that dies takes its whole pool along: what was at work in it is told, the rest made anew."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    _require_processes(workers)
    # Of a worker whose memory grew, which loky replaces. Said in its thread, at any time until the pool is
    # gone, so that no block of this one holds it; and where warnings are errors, it would end that thread.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    left = dict.fromkeys(units)
    silent = 0
    while left:
        with Marks([*left]) as marks:
            here = os.getpid()
            calls = ((_Marked(function, marks.of(unit), here), unit) for unit in [*left])
            try:
                for unit, result in _run(calls, backend="loky", n_jobs=workers, inner_max_num_threads=1):
                    del left[unit]
                    silent = 0
                    yield unit, result
                return
            except TerminatedWorkerError:
                at_work, ended = (
                    [u for u in found if u in left] for found in (marks.at_work(), marks.ended())
                )
        silent = 0 if at_work or ended else silent + 1
        if silent == _SILENT_DEATHS:
            raise EngineError(
                f"worker processes died {silent} times before they began anything (out of memory?); "
                "run the same command again with fewer --workers"
            )
        for unit in at_work:
            del left[unit]
            yield unit, Died(alone=len(at_work) == 1)
        for unit in ended:
            del left[unit]
            yield unit, Lost()


def _require_processes(workers: int) -> None:
    """Where joblib has no processes to give, it would make calls here, as if it did."""
    from joblib import effective_n_jobs, parallel_config

    try:
        with warnings.catch_warnings(), parallel_config(backend="loky"):
            warnings.simplefilter("ignore")
            possible = effective_n_jobs(workers) > 1
    except ValueError:  # not even a backend of that name
        possible = False
    if not possible:
        raise EngineError(
            "worker processes cannot be started here, in a daemonic process or without multiprocessing; "
            "use --workers 1"
        )


@contextmanager
def _out_of_memory() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise EngineError(
            "out of memory; run the same command again with fewer workers, or on a host that has more of it"
        ) from None


@dataclass(frozen=True, eq=False)
class _Marked:
    """A call in a worker process of this machine, which leaves a mark while it is at work."""

    function: Callable[[int], Any]
    mark: Mark
    parent: int

    def __call__(self, unit: int) -> Any:
        if os.getpid() != self.parent:
            serve(self.parent)
        self.mark.begin()
        try:
            return self.function(unit)
        except MemoryError:  # which the next may not survive
            return Died(alone=True)
        finally:
            self.mark.end()


def _in_cluster(
    function: Function[Result], units: Sequence[int], cluster: "Cluster", workers: int | None
) -> Iterator[tuple[int, Result | Lost]]:
    backend = cluster.backend(workers)
    call = cluster.call(function)
    with cluster.plain_errors():
        for found in _run(((call, unit) for unit in units), backend=backend):
            yield found
            backend.taken()


def _run(calls: Iterator[tuple[Function[Result], int]], **config: Any) -> Iterator[tuple[int, Result]]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config(**config):
        pool: Any = Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
    results = None
    try:
        # Hands out the first calls already, and a worker may be killed meanwhile.
        results = pool(delayed(_named)(function, unit) for function, unit in calls)
        # Not `yield from results`, which an end from outside reaches before its warning can be kept quiet.
        yield from map(_same, results)
    except TerminatedWorkerError:
        raise
    except BaseException:
        with _quietly():
            if results is not None:
                results.close()
            if config["backend"] == "loky":
                get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise


def _named(function: Function[Result], unit: int) -> tuple[int, Result]:
    return unit, function(unit)


def _same(result: Result) -> Result:
    return result


@contextmanager
def _quietly() -> Iterator[None]:
    """Say nothing of calls that are cancelled.

    Neither of a fault of loky: where its thread hands out one more call just as the workers are killed, it
    looks for a call that is gone and ends with a KeyError, which changes nothing.
    """
    hook = threading.excepthook

    def pass_on(found: threading.ExceptHookArgs) -> None:
        thread = found.thread
        if found.exc_type is not KeyError or thread is None or thread.name != "ExecutorManagerThread":
            hook(found)

    threading.excepthook = pass_on
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\d+ tasks ", UserWarning)
            yield
    finally:
        threading.excepthook = hook

"""Calls run by worker processes, or here if one worker is enough."""

import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["WorkersKilled", "run_calls"]

Result = TypeVar("Result")


class WorkersKilled(Exception):
    """Worker processes were killed from outside; results that were not handed over are lost."""


def run_calls(
    function: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], workers: int
) -> Generator[Result, None, None]:
    """``function(*a)`` for each of the arguments, as results come; threads of libraries are kept to one.

    Raises:
        WorkersKilled: some worker was; and what ``function`` raises.
    """
    if workers == 1:
        for given in arguments:
            yield function(*given)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    tasks = (delayed(function)(*given) for given in arguments)
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        pool: Any = Parallel(return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
    results = None
    try:
        results = pool(tasks)  # hands out the first calls already, and a worker may be killed meanwhile
        # Not `yield from results`, which an end from outside reaches before its warning can be kept quiet.
        yield from map(_same, results)
    except TerminatedWorkerError:
        raise WorkersKilled from None
    except BaseException:
        with _quietly():
            if results is not None:
                results.close()
            get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise


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

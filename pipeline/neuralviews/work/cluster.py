"""A running Dask cluster: found, compared with this host, and lent to a run."""

import json
import logging
import platform
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ..errors import EngineError
from .remote import RemoteCall, sees_file, unshared
from .versions import PACKAGES, require_same, versions_here

if TYPE_CHECKING:
    from .backend import ClusterBackend

__all__ = ["Cluster", "address_of", "open_cluster"]

_PATIENCE_SECONDS = 10
_OURS = "neuralviews._version:__version__"
_SCHEDULER = "scheduler"
"""In the place of a worker's address."""
_ABSENT = (ImportError, AttributeError)
"""What is raised where a package is not installed; anything else says nothing of it."""


class Cluster:
    """The workers that a scheduler has, all of the versions of this process when it was opened.

    Args:
        client: of `distributed`.
        name: what messages call the cluster.
    """

    def __init__(self, client: Any, name: str) -> None:
        from .backend import Removals

        self._client, self._name = client, name
        self._removals = Removals(client)
        self._versions = self._compared()
        self._token: str | None = None

    def backend(self, limit: int | None) -> "ClusterBackend":
        """What joblib hands calls to; at most ``limit`` at the same time, None: one a thread."""
        from .backend import ClusterBackend

        return ClusterBackend(self._client, self._removals, limit)

    def call(self, function: Callable[[int], Any]) -> RemoteCall:
        """The function as the cluster's workers call it."""
        return RemoteCall(function, tuple(self._versions.items()), self._token)

    def require_shared(self, token: Path) -> None:
        """Refuse workers that do not see a file of this host, now and whenever one joins.

        Args:
            token: to be kept for as long as the cluster is used.
        Raises:
            EngineError: names the host that does not.
        """
        answers = self._ask(sees_file, str(token))
        del answers[_SCHEDULER]  # which writes nothing
        for found in answers.values():
            if isinstance(found, BaseException):
                raise EngineError(f"{self._name}: {found}")
            host, seen = found
            if not seen:
                raise EngineError(unshared(host, str(token)))
        self._token = str(token)

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn what ends the cluster into one line."""
        from distributed import CancelledError
        from distributed.comm import CommClosedError

        try:
            yield
        except (CancelledError, OSError) as error:
            lost = isinstance(error, (CancelledError, CommClosedError, TimeoutError))
            if not lost and self._client.status == "running":
                raise
            raise EngineError(
                f"{self._name}: the connection to the scheduler was lost; finished work is kept, "
                "run the same command again once the cluster is back"
            ) from None

    def _compared(self) -> dict[str, str]:
        """Versions here, and so on every worker and at the scheduler, which unpickles calls.

        They are asked for by functions that any Python has.

        Raises:
            EngineError: somebody has others, or no neuralviews; or there is no worker.
        """
        here, hosts = versions_here(), self._ask(socket.gethostname)
        if len(hosts) < 2:
            raise EngineError(
                f"{self._name}: the scheduler has no worker after {_PATIENCE_SECONDS} s; start some, "
                "for example: dask worker --nthreads 1 ADDRESS"
            )
        found: dict[str, dict[str, str]] = {place: {} for place in hosts}
        asked: dict[str, tuple[Any, ...]] = {"python": (platform.python_version,)}
        asked |= {"neuralviews": (resolve_name, _OURS), **{name: (version, name) for name in PACKAGES}}
        for name, (function, *arguments) in asked.items():
            for place, answer in self._ask(function, *arguments).items():
                if isinstance(answer, _ABSENT):
                    answer = "none"
                if place in found and isinstance(answer, str):
                    found[place][name] = answer
        for place, versions in found.items():
            # Else it went meanwhile, or could not be asked. The first call of any worker compares once more.
            if len(versions) == len(asked) and isinstance(hosts[place], str):
                who = "scheduler" if place == _SCHEDULER else "worker"
                require_same(here, versions, f"{who} on {hosts[place]}")
        return here

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """What every worker and the scheduler answer, or the exception in its place."""
        from distributed import TimeoutError as OutOfTime

        def ask(how: Any, **options: Any) -> Any:
            return self._client.sync(how, function, *arguments, callback_timeout=_PATIENCE_SECONDS, **options)

        try:
            found: dict[str, Any] = ask(self._client._run, on_error="return")
            try:
                found[_SCHEDULER] = ask(self._client._run_on_scheduler)
            except _ABSENT as error:
                found[_SCHEDULER] = error
        except (OSError, OutOfTime):
            raise EngineError(
                f"{self._name}: not all workers answer within {_PATIENCE_SECONDS} s; "
                "end those that hang, and run the same command again"
            ) from None
        return found


@contextmanager
def open_cluster(given: str) -> Iterator[Cluster]:
    """Connect to a cluster, for as long as the context lasts.

    Args:
        given: address of a scheduler, or the path of a scheduler file.
    Raises:
        EngineError: the extra is not installed, no scheduler or worker answers, or versions differ.
    """
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError:
        raise EngineError(
            f"--cluster {given}: needs the package 'distributed': pip install 'neuralviews[dask]'"
        ) from None
    address = address_of(given)
    with _quietly():
        client = _connected(given, address)
        try:
            with suppress(OSError):
                client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
            yield Cluster(client, f"cluster {address}")
        finally:
            with suppress(OSError):  # what ended the run, if anything did, is told instead
                client.close(timeout=_PATIENCE_SECONDS if client.status == "running" else 1)


def _connected(given: str, address: str) -> Any:
    """A client, got in a thread: what accepts a connection and says nothing would hold this one for ever."""
    from distributed import Client

    client: Any = Client.__new__(Client)
    found = list[Any]()

    def connect() -> None:
        try:
            client.__init__(address, timeout=_PATIENCE_SECONDS, set_as_default=False)
            found.append(client)
        except BaseException as error:
            client.status = "closed"  # else it tries to be when it is collected, and tells why it cannot
            found.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS + 1)
    answer = found[0] if found else TimeoutError()
    if isinstance(answer, OSError):
        raise EngineError(
            f"--cluster {given}: no scheduler answers at {address} within {_PATIENCE_SECONDS} s "
            f"({type(answer).__name__}); start one with: dask scheduler"
        ) from None
    if isinstance(answer, BaseException):
        raise EngineError(
            f"--cluster {given}: {address} is not an address that can be used: "
            f"{type(answer).__name__}: {answer}; expected one such as tcp://host:8786"
        ) from None
    return answer


def address_of(given: str) -> str:
    """The address that is given, or that a scheduler file names.

    Raises:
        EngineError: the file is missing, or is none.
    """
    if "://" in given:
        return given
    path = Path(given)
    if not path.exists() and path.suffix != ".json" and len(path.parts) == 1 and ":" in given:
        return f"tcp://{given}"
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise EngineError(
            f"--cluster {given}: cannot be read ({error.strerror}); expected an address such as "
            "tcp://host:8786, or the file that dask scheduler --scheduler-file wrote"
        ) from None
    except ValueError:
        found = None
    address = found.get("address") if isinstance(found, dict) else None
    if not isinstance(address, str) or "://" not in address:
        raise EngineError(
            f"--cluster {given}: found no address of a scheduler in it; expected the file that "
            "dask scheduler --scheduler-file wrote"
        )
    return address


@contextmanager
def _quietly() -> Iterator[None]:
    """Dask tells of lost workers and connections by the page; what matters of it becomes one line."""
    known = logging.root.manager.loggerDict
    loggers = [logging.getLogger(name) for name in known if name.split(".")[0] == "distributed"]
    before = [(logger, logger.level) for logger in loggers if logger.level != logging.NOTSET]
    for logger, _ in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="distributed")
            yield
    finally:
        for logger, level in before:
            logger.setLevel(level)

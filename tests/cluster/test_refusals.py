"""A cluster that cannot be used is refused in a line, before anything is written."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuralviews.errors import EngineError, OptionError
from neuralviews.store.writer import StoreWriter
from neuralviews.work.cluster import Cluster, address_of
from neuralviews.work.pool import run_calls
from neuralviews.work.promised import Promised
from neuralviews.work.remote import RemoteCall
from neuralviews.work.sharing import Sharing
from neuralviews.work.versions import require_same, versions_here

from ..made_stores import make_store
from .calls import Slow
from .conftest import FEW
from .dask_processes import ROOT, dask_processes, run, wait_for

HOST = socket.gethostname()


@pytest.fixture
def refused(recipe: Path, tmp_path: Path) -> Callable[..., str]:
    """The one line that `generate` ends with; it leaves nothing behind."""

    def call(cluster: object, *options: str, **environment: str) -> str:
        root = tmp_path / "store"
        given = ("generate", recipe, "--limit", FEW, "--out", root, "--cluster", cluster, *options)
        code, out, err = run(*given, **environment)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert "\n" not in err
        assert not root.exists()
        return err

    return call


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.work.cluster._PATIENCE_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
def test_no_scheduler() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        expected = rf"--cluster {address}: no scheduler answers at tcp://{address} within 1 s .*start one"
        with pytest.raises(EngineError, match=expected):
            Sharing(cluster=address).prove()


@pytest.mark.usefixtures("impatient")
def test_something_that_accepts_and_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(
            EngineError, match=rf"no scheduler answers at {address} within 1 s \(TimeoutError\)"
        ):
            Sharing(cluster=address).prove()


@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "tcp://localhost", "foo:bar", "http://127.0.0.1:1"])
@pytest.mark.usefixtures("impatient")
def test_addresses_of_no_scheduler(address: str) -> None:
    expected = (
        rf"^--cluster {address}: .*{address} is not an address that can be used: [TV]\w+Error: .*expected"
    )
    with pytest.raises(EngineError, match=expected):
        Sharing(cluster=address).prove()


@pytest.mark.usefixtures("impatient")
def test_no_workers(tmp_path: Path) -> None:
    with dask_processes(tmp_path / "dask", workers=0, environment={"PYTHONPATH": str(ROOT)}) as cluster:
        expected = f"cluster {cluster.address}: the scheduler has no worker after 1 s; start some"
        with pytest.raises(EngineError, match=expected):
            Sharing(cluster=str(cluster.file)).prove()


@pytest.mark.usefixtures("impatient")
def test_a_worker_that_hangs(tmp_path: Path) -> None:
    with dask_processes(tmp_path / "dask", workers=1, environment={"PYTHONPATH": str(ROOT)}) as cluster:
        os.killpg(cluster.workers[0].pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="not all workers answer within 1 s; end those that hang"):
            Sharing(cluster=str(cluster.file)).prove()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory); expected an address such as tcp://host:8786"),
        ("{", "found no address of a scheduler in it; expected the file that dask scheduler"),
        ("[]", "found no address of a scheduler in it"),
        ('{"address": 8786}', "found no address of a scheduler in it"),
    ],
)
def test_broken_scheduler_files(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "scheduler.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EngineError) as refusal:
        address_of(str(path))
    assert str(refusal.value).startswith(f"--cluster {path}: {message}")


def test_addresses(tmp_path: Path) -> None:
    assert address_of("tls://host:1") == "tls://host:1"
    assert address_of("host:8786") == "tcp://host:8786"
    (tmp_path / "s").write_text(json.dumps({"address": "tcp://10.0.0.1:8786", "id": "x"}))
    assert address_of(str(tmp_path / "s")) == "tcp://10.0.0.1:8786"


def test_without_the_extra(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    missing = "raise ModuleNotFoundError(\"No module named 'distributed'\", name='distributed')"
    (tmp_path / "site" / "distributed.py").write_text(missing)
    found = refused("tcp://127.0.0.1:1", PYTHONPATH=str(tmp_path / "site"))
    assert found.endswith("needs the package 'distributed': pip install 'neuralviews[dask]'")


def other_h5py(folder: Path) -> dict[str, str]:
    """A host that states another version of h5py."""
    metadata = folder / "h5py-1.2.3.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: h5py\nVersion: 1.2.3\n")
    return {"PYTHONPATH": str(folder)}


def no_neuralviews(folder: Path) -> dict[str, str]:
    folder.mkdir()
    (folder / "neuralviews.py").write_text("raise ModuleNotFoundError(name='neuralviews')")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (other_h5py, "found h5py 1.2.3, expected "),
        pytest.param(no_neuralviews, "found neuralviews none, expected ", marks=pytest.mark.long),
    ],
)
def test_other_versions_on_one_worker(
    refused: Callable[..., str],
    tmp_path: Path,
    environment: Callable[[Path], dict[str, str]],
    message: str,
) -> None:
    with dask_processes(tmp_path / "dask", workers=1) as cluster:
        cluster.add_worker(environment(tmp_path / "other"))
        cluster.wait_for_workers(2)
        found = refused(cluster.file, "--writers", "driver")
    assert f"worker on {HOST}: {message}" in found
    assert found.endswith(" as here; install the same versions on all hosts")


def test_other_versions_at_the_scheduler(refused: Callable[..., str], tmp_path: Path) -> None:
    with dask_processes(tmp_path / "dask", 0, environment=other_h5py(tmp_path / "other")) as cluster:
        cluster.add_worker({"PYTHONPATH": ""})
        cluster.wait_for_workers(1)
        assert f"scheduler on {HOST}: found h5py 1.2.3, expected " in refused(cluster.file)


def test_a_worker_without_the_package_that_joins_late_takes_no_part(tmp_path: Path) -> None:
    """It ends as soon as it is handed a call, which another then makes."""
    with (
        dask_processes(tmp_path / "dask", workers=1, environment={"PYTHONPATH": str(ROOT)}) as cluster,
        Sharing(2, cluster=cluster.address).pool() as pool,
    ):
        cluster.add_worker(no_neuralviews(tmp_path / "other"))
        cluster.wait_for_workers(2)
        assert sorted(dict(run_calls(Slow(tmp_path), range(20), pool))) == [*range(20)]
        wait_for(lambda: cluster.workers[1].poll() is not None, "the end of the other worker")


def test_workers_that_cannot_load_a_call_are_an_error(tmp_path: Path) -> None:
    """They have what is compared beforehand, but not the module of the call."""
    site = {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with dask_processes(tmp_path / "dask", workers=0, environment=site) as cluster:
        for _ in range(4):  # each handed a call ends, and three are enough to tell
            cluster.add_worker({"PYTHONPATH": ""})
        cluster.wait_for_workers(4)
        with (
            Sharing(2, cluster=cluster.address).pool() as pool,
            pytest.raises(EngineError, match="workers of the cluster keep dying before they begin anything"),
        ):
            dict(run_calls(Slow(tmp_path), range(20), pool))


def test_a_worker_of_other_versions_that_joins_late_is_refused() -> None:
    here = versions_here()
    assert here["python"] == sys.version.split()[0]
    require_same(here, here, "worker on a")
    with pytest.raises(EngineError, match=r"worker on a: found numba 0\.1, expected \d.* as here"):
        require_same(here, {**here, "numba": "0.1"}, "worker on a")
    call = RemoteCall(abs, tuple({**here, "torch": "0.1"}.items()))
    with pytest.raises(EngineError, match=r"found torch .*, expected 0\.1 as here"):
        call(1)


def test_a_worker_that_joins_late_has_to_share_the_folder(tmp_path: Path) -> None:
    call = RemoteCall(abs, tuple(versions_here().items()), str(tmp_path / "token"))
    with pytest.raises(
        EngineError, match=rf"^worker on {HOST}: {tmp_path} is not the folder that this host has"
    ):
        call(1)


def test_what_a_worker_published_has_to_be_seen_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.work.promised._POLL_SECONDS", 0.01)
    monkeypatch.setattr("neuralviews.work.promised._PATIENCE_SECONDS", 0.1)
    done, missing = make_store(tmp_path / "done"), make_store(tmp_path / "missing")
    shown = Promised(StoreWriter.open(done.root))
    shown.add(0, "elsewhere")
    shown.wait()
    (missing.root / "shards" / "shard-000000.h5").unlink()
    hidden = Promised(StoreWriter.open(missing.root))
    hidden.add(0, "elsewhere")
    with pytest.raises(
        EngineError, match="shard 0 is not there, although a worker on elsewhere published it"
    ):
        hidden.wait()


def test_what_cannot_be_asked_is_not_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies between two questions has no versions; it has not none."""
    here = versions_here()

    def ask(self: Cluster, function: Any, *arguments: Any) -> dict[str, Any]:
        answer = HOST if function is socket.gethostname else here["python"]
        if function is version:
            answer = here[arguments[0]]
        elif arguments:
            answer = here["neuralviews"]
        dead = OSError("gone") if arguments == ("h5py",) else answer
        lacks = ModuleNotFoundError("torch") if arguments == ("torch",) else answer
        return {"scheduler": answer, "dead": dead, **({"lacks": lacks} if lacking else {})}

    monkeypatch.setattr(Cluster, "_ask", ask)
    client = SimpleNamespace(subscribe_topic=lambda *_: None)
    lacking = False
    Cluster(client, "cluster c")
    lacking = True
    with pytest.raises(EngineError, match="found torch none, expected"):
        Cluster(client, "cluster c")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": (4, 4)}, r"part: found \(4, 4\), expected \(i, n\) with 0 <= i < n: parts count from 0"),
        ({"part": (-1, 4)}, r"part: found \(-1, 4\)"),
        ({"workers": 0}, "workers: found 0, expected at least 1"),
        ({"writers": "nobody", "cluster": "a:1"}, "writers: found 'nobody', expected 'workers' or 'driver'"),
        ({"writers": "driver"}, "writers: 'driver' is for workers of a cluster, and no cluster was given"),
        ({"threads": True, "cluster": "a:1"}, "threads: those of a cluster are its workers'"),
    ],
)
def test_impossible_sharing(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Sharing(**options)  # type: ignore[arg-type]

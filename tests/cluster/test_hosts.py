"""Hosts that share nothing: kept apart by namespaces of the kernel, where that is allowed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..made_stores import contents
from .conftest import FEW
from .dask_processes import DaskProcesses, dask_processes, run

Calm = Callable[[int], dict[str, str]]


def allowed(*command: str) -> str | None:
    """Why a command cannot be run here; None if it can."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() or "refused" if done.returncode else None


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[tuple[DaskProcesses, Path]]:
    """Two workers that see an empty folder of their own where the driver has its stores."""
    if reason := allowed("unshare", "--mount", "true"):
        pytest.skip(f"no mount namespaces: {reason}")
    stores = tmp_path / "stores"
    stores.mkdir()
    mount = f'mount -t tmpfs none "{stores}" && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", mount, "sh")
    with dask_processes(tmp_path / "dask", workers=2, before=before) as cluster:
        yield cluster, stores


def test_without_a_shared_folder_the_driver_writes(
    apart: tuple[DaskProcesses, Path], recipe: Path, calm: Calm
) -> None:
    cluster, stores = apart
    begun = ("generate", recipe, "--limit", FEW, "--out", stores / "fields", "--cluster", cluster.file)
    code, _, err = run(*begun)
    assert code == 2
    assert err == (
        f"error: worker on {socket.gethostname()}: {stores / 'fields'} is not the folder that this host has "
        "under this name; choose a folder that all hosts share, or add --writers driver"
    )
    assert sorted(contents(stores / "fields")) == ["job.json"]  # no leftovers
    code, out, err = run(*begun, "--writers", "driver")
    assert (code, err) == (0, "")
    assert "complete, 80 fields fitted now" in out
    assert contents(stores / "fields") == calm(FEW)
    for worker in cluster.workers:
        assert not os.listdir(f"/proc/{worker.pid}/root{stores}")


@pytest.mark.long
def test_a_source_that_a_host_lacks_is_named(apart: tuple[DaskProcesses, Path], calm: Calm) -> None:
    from ..made_stores import make_store

    cluster, stores = apart
    parent = make_store(stores / "parent")
    given = ("augment", parent.root, "--plan", "aligned-mixup", "--out", stores / "copies")
    code, _, err = run(*given, "--cluster", cluster.file, "--writers", "driver")
    assert code == 2
    assert err.startswith(f"error: worker on {socket.gethostname()}: {parent.root}: ")
    assert "\n" not in err


@pytest.fixture
def three_hosts() -> Iterator[tuple[str, list[list[str]]]]:
    """The address of this host, and what runs a command on each of three others on one bridge with it."""
    if reason := allowed("ip", "netns", "add", f"nv-{os.getpid()}-probe"):
        pytest.skip(f"no network namespaces: {reason}")
    subprocess.run(["ip", "netns", "del", f"nv-{os.getpid()}-probe"], check=True)
    names = [f"nv{os.getpid() % 10000}h{number}" for number in range(3)]
    bridge, network = f"nv{os.getpid() % 10000}br", f"10.213.{os.getpid() % 250}"

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{network}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            ip("link", "add", f"{name}o", "type", "veth", "peer", "name", f"{name}i", "netns", name)
            ip("link", "set", f"{name}o", "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{network}.{number + 2}/24", "dev", f"{name}i")
            ip("-n", name, "link", "set", f"{name}i", "up")
            ip("-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode().strip()
        remove(names, bridge)
        pytest.skip(f"no bridge between network namespaces: {reason}")
    yield f"{network}.1", [["ip", "netns", "exec", name] for name in names]
    remove(names, bridge)


def remove(names: list[str], bridge: str) -> None:
    for command in (*(["netns", "del", name] for name in names), ["link", "del", bridge]):
        subprocess.run(["ip", *command], check=False, capture_output=True)


@pytest.mark.long
@pytest.mark.parametrize("writers", ["workers", "driver"])
def test_three_hosts(
    three_hosts: tuple[str, list[list[str]]], recipe: Path, calm: Calm, tmp_path: Path, writers: str
) -> None:
    address, others = three_hosts
    with dask_processes(tmp_path / "dask", workers=0, host=address) as cluster:
        for before in others:
            cluster.add_worker(before=before)
        cluster.wait_for_workers(3)
        begun = ("generate", recipe, "--limit", FEW, "--out", tmp_path / "store", "--writers", writers)
        assert run(*begun, "--cluster", cluster.file)[0] == 0
    assert contents(tmp_path / "store") == calm(FEW)

"""Each worker process takes a GPU for itself; counted, not needed."""

import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from neuralviews.errors import EngineError
from neuralviews.fit.device_claim import claim_device


def serve(folder: Path, gpus: list[str], pipe: Any) -> None:
    """Claim a device in a process of its own, tell it, and hold it until the pipe is closed."""
    try:
        found = [claim_device("cuda", lambda: len(gpus), folder, lambda _: gpus) for _ in range(2)]
        assert found[0] == found[1]
        pipe.send(found[0])
    except EngineError as error:
        pipe.send(str(error))
    pipe.recv()


class Workers:
    def __init__(self, folder: Path) -> None:
        self._folder, self._context = folder, multiprocessing.get_context("spawn")
        self.processes: list[Any] = []

    def claim(self, *gpus: str) -> str:
        """What another worker gets that sees these."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=serve, args=(self._folder, [*gpus], there))
        process.start()
        self.processes.append((process, here))
        assert here.poll(60)
        return str(here.recv())

    def kill(self, index: int) -> None:
        process, here = self.processes.pop(index)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        here.close()


@pytest.fixture
def workers(tmp_path: Path) -> Any:
    found = Workers(tmp_path)
    yield found
    while found.processes:
        found.kill(0)


def test_each_process_takes_one_until_all_are_taken(workers: Workers) -> None:
    assert [workers.claim("a", "b") for _ in range(2)] == ["cuda:0", "cuda:1"]
    assert workers.claim("a", "b") == (
        "device cuda: all 2 GPUs are taken, so there are more workers on this host than GPUs; "
        "ask for fewer workers, or name a device such as cuda:0 for them to share"
    )
    workers.kill(0)
    assert workers.claim("a", "b") == "cuda:0"


def test_processes_that_see_others_take_others(workers: Workers) -> None:
    """Each counts those that it sees from 0, so numbers say nothing of which they are."""
    assert workers.claim("c", "e") == "cuda:0"
    assert workers.claim("e", "c") == "cuda:0"  # e; c is the one that is taken
    assert workers.claim("c", "e").startswith("device cuda: all 2 GPUs are taken")
    assert workers.claim("a", "b") == "cuda:0"


def test_gpus_are_named_by_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def properties(index: int) -> SimpleNamespace:
        return SimpleNamespace(uuid=UUID(int=index + 7))

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    assert claim_device("cuda", folder=tmp_path) == "cuda:0"
    (lock,) = tmp_path.iterdir()
    assert lock.name == f"neuralviews-{os.getuid()}-gpu-00000000-0000-0000-0000-000000000007"


@pytest.mark.parametrize("device", [None, "cpu", "cuda:1", "cuda:0", "mps"])
def test_what_is_named_is_taken_literally(tmp_path: Path, device: str | None) -> None:
    assert claim_device(device, lambda: 4, tmp_path) == device
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_single_gpu_is_shared(tmp_path: Path, gpus: int) -> None:
    assert claim_device("cuda", lambda: gpus, tmp_path) == "cuda"
    assert not [*tmp_path.iterdir()]


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    from neuralviews.errors import OutputError

    (tmp_path / f"neuralviews-{os.getuid()}-gpu-0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"gpu-0: cannot be written"):
        claim_device("cuda", lambda: 2, tmp_path, lambda _: ["0", "1"])
    assert not (tmp_path / "elsewhere").exists()

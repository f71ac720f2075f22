"""Calls here, in threads and in processes: all are answered, or a death is told in an answer's place."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky import get_reusable_executor, process_executor

from neuralviews.errors import EngineError, OutputError
from neuralviews.work import deaths
from neuralviews.work.calls import Died, Lost
from neuralviews.work.deaths import run_all
from neuralviews.work.marks import Marks
from neuralviews.work.pool import Pool, run_calls
from neuralviews.work.process import in_worker


def where(unit: int) -> tuple[int, int, bool]:
    time.sleep(0.001)
    return os.getpid(), threading.get_ident(), in_worker()


@dataclass(frozen=True)
class Killer:
    """Some calls kill their process: while another is at work beside them, or as soon as they begin."""

    victims: tuple[int, ...]
    folder: Path

    def __call__(self, unit: int) -> int:
        (self.folder / f"{unit}-{os.getpid()}").touch()
        if unit in self.victims:
            os.kill(os.getpid(), signal.SIGKILL)
        return unit


def swelling(unit: int) -> int:
    """A call after which loky takes its worker for one that leaks memory, and replaces it."""
    process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
    process_executor._MAX_MEMORY_LEAK_SIZE = -(1 << 40)
    return unit


def test_one_worker_is_this_process() -> None:
    for pool in (Pool(), Pool(1), Pool(1, threads=True)):
        found = dict(run_calls(where, range(3), pool))
        assert found == dict.fromkeys(range(3), (os.getpid(), threading.get_ident(), False))


def test_threads_are_of_this_process() -> None:
    found = dict(run_calls(where, range(40), Pool(4, threads=True)))
    assert sorted(found) == [*range(40)]
    processes, threads, in_workers = zip(*found.values(), strict=True)  # type: ignore[misc]
    assert {*processes} == {os.getpid()}
    assert 1 < len({*threads}) <= 4
    assert not any(in_workers)


def test_processes_are_others_and_know_it() -> None:
    found = dict(run_calls(where, range(10), Pool(2)))
    processes, _, in_workers = zip(*found.values(), strict=True)  # type: ignore[misc]
    assert os.getpid() not in processes
    assert all(in_workers)


def test_workers_whose_memory_grows_are_replaced_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        assert dict(run_calls(swelling, range(12), Pool(2))) == {unit: unit for unit in range(12)}
        assert capfd.readouterr() == ("", "")
    finally:  # whose workers would be replaced in other tests too
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def test_calls_apart_are_in_another_process_too() -> None:
    found = dict(run_calls(where, range(2), Pool(2), apart=True))
    assert os.getpid() not in {process for process, *_ in found.values()}  # type: ignore[misc]


def test_a_death_is_told_of_what_was_at_work_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, asked = tmp_path / "temporary", tmp_path / "asked"
    temporary.mkdir()
    asked.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    found = dict(run_calls(Killer((3,), asked), range(12), Pool(2)))
    assert sorted(found) == [*range(12)]
    dead = {unit for unit, result in found.items() if isinstance(result, Died)}
    assert 3 in dead
    assert len(dead) <= 2
    assert found[3] == Died(alone=len(dead) == 1)
    # What was done, and whose answer died with the pool, is no fault of anyone.
    assert all(found[unit] in (unit, Lost()) for unit in {*range(12)} - dead)
    assert not [*temporary.iterdir()]


def test_a_death_apart_is_beyond_doubt(tmp_path: Path) -> None:
    found = dict(run_calls(Killer((1,), tmp_path), range(3), Pool(2), apart=True))
    assert found == {0: 0, 1: Died(alone=True), 2: 2}


def test_marks_of_killed_runs_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = (
        "import os, signal, tempfile\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "from neuralviews.work.marks import Marks\n"
        "marks = Marks([3, 5])\n"
        "marks.of(5).begin()\n"
        "assert marks.at_work() == [5]\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    (abandoned,) = tmp_path.iterdir()
    with Marks([1]) as one, Marks([1]) as other:
        assert not abandoned.exists()
        one.of(1).begin()  # and the second left the file of the first
        other.of(1).begin()
        other.of(1).end()
        assert (one.at_work(), other.at_work(), other.ended()) == ([1], [], [1])
    assert not [*tmp_path.iterdir()]


class Unloadable:
    """Kills whatever process loads it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)

    def __call__(self, unit: int) -> int:
        return unit


def test_processes_that_die_before_they_begin_anything_are_an_error() -> None:
    with pytest.raises(EngineError, match=r"worker processes died 3 times before they began anything"):
        dict(run_calls(Unloadable(), range(4), Pool(2)))


def test_what_a_call_raises_ends_all() -> None:
    for pool in (Pool(1), Pool(2), Pool(2, threads=True)):
        with pytest.raises(ZeroDivisionError):
            dict(run_calls((1).__floordiv__, [1, 0, 2], pool))


def test_answers_that_nobody_waits_for_are_dropped_without_a_word() -> None:
    for pool in (Pool(2), Pool(2, threads=True)):
        with closing(run_calls(where, range(40), pool)) as answers:
            next(answers)


def out_of_memory(unit: int) -> int:
    if unit == 2:
        raise MemoryError
    return unit


def test_a_call_that_lacks_memory_is_a_death_in_another_process_and_an_error_here() -> None:
    found = dict(run_calls(out_of_memory, range(5), Pool(2)))
    assert found == {0: 0, 1: 1, 2: Died(alone=True), 3: 3, 4: 4}
    for pool in (Pool(1), Pool(2, threads=True)):
        with pytest.raises(EngineError, match=r"^out of memory; run the same command again with fewer"):
            dict(run_calls(out_of_memory, range(5), pool))


def in_a_daemon(pipe: Any) -> None:
    try:
        pipe.send(dict(run_calls(where, range(4), Pool(2))))
    except EngineError as error:
        pipe.send(str(error))


NO_PROCESSES = (
    "worker processes cannot be started here, in a daemonic process or without multiprocessing; use"
)


def test_a_daemonic_process_is_not_taken_for_a_worker() -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=in_a_daemon, args=(there,), daemon=True)
    process.start()
    assert here.poll(60)
    assert str(here.recv()).startswith(NO_PROCESSES)
    process.join()
    assert process.exitcode == 0


def test_without_multiprocessing_there_are_no_workers() -> None:
    program = "from neuralviews.work.pool import Pool, run_calls; dict(run_calls(abs, range(4), Pool(2)))"
    environment = {**os.environ, "JOBLIB_MULTIPROCESSING": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert NO_PROCESSES in done.stderr


def test_marks_that_cannot_be_written_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        Marks([1])
    assert not [*tmp_path.iterdir()]


class Scripted:
    """Stands for a pool: what becomes of each start of a unit is written down beforehand."""

    def __init__(self, **fates: list[int | Lost]) -> None:
        self.fates = {int(unit[1:]): list(fate) for unit, fate in fates.items()}
        self.starts: list[tuple[int, bool]] = []

    def run_calls(self, function: object, units: list[int], pool: Pool, *, apart: bool = False) -> object:
        for unit in units:
            self.starts.append((unit, apart))
            fate = self.fates.get(unit)
            yield unit, fate.pop(0) if fate else unit


CERTAIN, DOUBTFUL, GONE = Died(alone=True), Died(alone=False), Lost()


@pytest.mark.parametrize(
    ("fate", "starts", "given_up"),
    [
        ([CERTAIN], "cc", False),
        ([CERTAIN, CERTAIN], "cca", False),
        ([CERTAIN, CERTAIN, CERTAIN], "cca", True),
        ([DOUBTFUL, DOUBTFUL, CERTAIN], "ccaa", False),
        ([DOUBTFUL, DOUBTFUL, CERTAIN, CERTAIN], "ccaa", True),
        ([DOUBTFUL, CERTAIN, CERTAIN], "cca", True),
        ([CERTAIN, CERTAIN, DOUBTFUL], "cca", True),
        ([DOUBTFUL] * 7, "ccaaaaaa", False),
        ([DOUBTFUL] * 8, "ccaaaaaa", True),
        ([GONE] * 7, "cccccccc", False),
        ([CERTAIN, GONE, CERTAIN, GONE, GONE], "cccaaa", False),
    ],
)
def test_who_is_given_up(
    monkeypatch: pytest.MonkeyPatch, fate: list[int | Lost], starts: str, given_up: bool
) -> None:
    script = Scripted(u5=fate)
    monkeypatch.setattr(deaths, "run_calls", script.run_calls)
    lost: list[int] = []
    answers = dict(run_all(lambda unit: unit, range(9), Pool(), lost.append))
    assert lost == ([5] if given_up else [])
    assert {*answers} == {*range(9)} - {*lost}
    assert "".join("a" if apart else "c" for unit, apart in script.starts if unit == 5) == starts
    assert len([unit for unit, _ in script.starts if unit != 5]) == 8


def test_what_a_dead_worker_had_done_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted(u1=[CERTAIN], u2=[GONE])
    monkeypatch.setattr(deaths, "run_calls", script.run_calls)
    left = {1: 10, 2: 20}
    answers = dict(run_all(int, [0, 1, 2], Pool(), [].append, lambda unit: left.get(unit, Lost())))
    assert answers == {0: 0, 1: 10, 2: 20}

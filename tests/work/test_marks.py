"""Marks of calls at work: on disks without locks too, and without the file if something takes it away."""

import errno
import fcntl
import os
import tempfile
from functools import partial
from pathlib import Path

import pytest

from neuralviews.errors import OutputError
from neuralviews.work.calls import Died
from neuralviews.work.marks import Marks
from neuralviews.work.pool import Pool, run_calls


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files of this process lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_disk_without_locks_will_do(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    refuse_locks(monkeypatch, number)
    with Marks([3, 5, 7]) as marks, Marks([3]) as others:  # neither takes the other's file away
        marks.of(5).begin()
        others.of(3).begin()
        marks.of(7).begin()
        marks.of(7).end()
        assert (marks.at_work(), marks.ended(), others.at_work()) == ([5], [7], [3])
    assert not [*folder.iterdir()]


def test_a_lock_that_fails_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_locks(monkeypatch, errno.EIO)
    with pytest.raises(OutputError, match=rf"{folder.name}: cannot be written \(Input/output error\)"):
        Marks([1])
    assert not [*folder.iterdir()]


def test_marks_outlast_the_name_of_their_file(folder: Path) -> None:
    with Marks([3, 5]) as marks:
        marks.of(5).begin()
        (path,) = folder.iterdir()
        path.unlink()
        marks.of(3).begin()
        marks.of(5).end()
        assert (marks.at_work(), marks.ended()) == ([5], [])


def tidying(folder: Path, unit: int) -> int:
    """A call while which something tidies the folder of temporary files."""
    for path in folder.glob("neuralviews-begun-*"):
        path.unlink(missing_ok=True)
    return unit


def test_workers_go_on_without_the_file(folder: Path) -> None:
    found = list(run_calls(partial(tidying, folder), range(4), Pool(2)))
    assert sorted(unit for unit, _ in found) == [0, 1, 2, 3]
    assert not any(isinstance(answer, Died) for _, answer in found)
    assert not [*folder.iterdir()]

"""Where exports go: all of it at once, or nothing, and never over anything else."""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from neuralviews.errors import OutputError
from neuralviews.exchange.sink import open_sink

FILES = {"a/one.bin": b"1", "a/b/two.bin": bytes(100), "three.json": b"{}"}

Kinds = pytest.mark.parametrize("name", ["out", "out.zip"])


def wrote(out: Path) -> dict[str, bytes]:
    if out.is_dir():
        paths = sorted(path for path in out.rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def fill(out: Path) -> None:
    with open_sink(out, 1000) as sink:
        for name, data in FILES.items():
            sink.add(name, data)


@Kinds
def test_all_files(tmp_path: Path, name: str) -> None:
    out = tmp_path / "new" / name
    fill(out)
    assert wrote(out) == FILES
    assert os.listdir(out.parent) == [name]


@Kinds
def test_nothing_is_there_before_the_end(tmp_path: Path, name: str) -> None:
    with open_sink(tmp_path / name, 0) as sink:
        sink.add("a", b"1")
        assert not (tmp_path / name).exists()


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("1.zip", "2.zip"):
        fill(tmp_path / name)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert member.external_attr >> 16 == 0o100644
            assert member.compress_type == zipfile.ZIP_STORED


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out")
    assert wrote(tmp_path / "out") == FILES


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        (
            "out",
            lambda out: (out.mkdir(), (out / "mine").touch()),
            "found files, expected no such folder, or an empty one: take another",
        ),
        ("out.zip", lambda out: out.touch(), "there is such a file already; remove it, or take another name"),
        ("out.zip", lambda out: out.mkdir(), "there is such a file already; remove it, or take another name"),
        ("out", lambda out: out.touch(), r"cannot be written \(Not a directory\)"),
        ("out.ZIP", lambda out: out.touch(), "there is such a file already; remove it, or take another name"),
    ],
)
def test_what_is_there_stays(tmp_path: Path, name: str, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=rf"^{tmp_path / name}: {message}"), open_sink(tmp_path / name, 0):
        pytest.fail("should not get here")
    assert sorted(tmp_path.rglob("*")) == before


@Kinds
def test_what_comes_meanwhile_stays(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    mine = out if name.endswith(".zip") else out / "mine"
    stack = ExitStack()
    stack.enter_context(open_sink(out, 0)).add("a", b"1")
    mine.parent.mkdir(exist_ok=True)
    mine.write_bytes(b"mine")
    with pytest.raises(OutputError, match=rf"^{out}: "):
        stack.close()
    assert mine.read_bytes() == b"mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def interrupted(out: Path, error: type[BaseException]) -> None:
    with open_sink(out, 0) as sink:
        sink.add("a/b", b"1")
        raise error


@Kinds
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_middle(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    with pytest.raises(error):
        interrupted(tmp_path / name, error)
    assert os.listdir(tmp_path) == []


@Kinds
def test_killed_in_the_middle(tmp_path: Path, name: str) -> None:
    """What is left has a name that nobody takes for an export, and is in nobody's way."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from neuralviews.exchange.sink import open_sink\n"
        "with open_sink(Path(sys.argv[1]), 0) as sink:\n"
        "    sink.add('a', bytes(100))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / name).exists()
    assert all(left.startswith(".tmp-") for left in os.listdir(tmp_path))
    fill(tmp_path / name)
    assert wrote(tmp_path / name) == FILES


@Kinds
def test_no_room(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"needs|free|room|space"), open_sink(tmp_path / name, 1 << 60):
        pytest.fail("should not get here")
    assert os.listdir(tmp_path) == []


@Kinds
def test_no_more_can_be_written(tmp_path: Path, name: str) -> None:
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from neuralviews.errors import OutputError\n"
        "from neuralviews.exchange.sink import open_sink\n"
        "try:\n"
        "    with open_sink(Path(sys.argv[1]), 0) as sink:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))\n"
        "        for number in range(10):\n"
        "            sink.add(str(number), bytes(1000 * number))\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{tmp_path / name}: cannot be written (File too large)")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written"), open_sink(tmp_path / "file" / "out", 0):
        pytest.fail("should not get here")

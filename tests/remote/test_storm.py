"""Whatever goes wrong, in any order: the right bytes under the final name, or an error and no such name."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.errors import FetchError, OutputError
from neuralviews.remote.fetch import fetch
from neuralviews.remote.patience import Patience

from ..faults.test_disk_full import tiny_disk  # noqa: F401 - a fixture
from .fault_server import Fault, FaultServer
from .fetching import DATA, OTHER, SHA256, bring, names

HURRIED = Patience(tries=3, pause=0.0, longest=0.0, timeout=0.1)
HONEST = ("fine", "reset", "close", "refuse", "status", "no ranges", "wrong range", "wrong note", "chunked")
HONEST += ("chunked close", "long", "short", "html", "bare html", "gzip", "no validator", "weak", "dated")
SLOW = ("stall", "silent")
LYING = ("flip", "change", "no if-range", "no length")


def some_faults(*kinds: str) -> st.SearchStrategy[list[Fault]]:
    """Mostly quick ones: a second is all that a slow one may cost."""
    one = st.builds(
        Fault,
        st.sampled_from(kinds),
        at=st.sampled_from([0.0, 0.001, 0.3, 0.5, 0.999, 1.0]),
        status=st.sampled_from([404, 416, 503]),
    )
    return st.lists(one, max_size=8)


@contextmanager
def serving(faults: list[Fault]) -> Iterator[tuple[FaultServer, list[str], Path]]:
    with FaultServer({"a.bin": DATA}) as site, tempfile.TemporaryDirectory() as folder:
        site.faults.extend(faults)
        yield site, [site.link("a.bin"), site.link("a.bin", host="localhost")], Path(folder) / "a.bin"


def try_to_fetch(links: list[str], target: Path, **pins: str) -> bool:
    """Whether it was fetched; if not, the error is one of ours, and nothing has the final name."""
    message = ""
    try:
        fetch(links, target, patience=HURRIED, **pins)  # type: ignore[arg-type]
    except FetchError as error:
        message = str(error)
    if message:
        assert all(link in message for link in links)
        assert not os.path.lexists(target)
        assert {*names(target.parent)} <= {"a.bin.part", "a.bin.part.json"}
    return not message


@settings(max_examples=60)
@given(faults=some_faults(*HONEST, *LYING, *SLOW))
def test_a_pinned_file_is_right_or_not_there(faults: list[Fault]) -> None:
    with serving(faults) as (site, links, target):
        fetched = try_to_fetch(links, target, sha256=SHA256)
        if not fetched:  # whatever is left does no harm once the server has come to its senses
            site.files["a.bin"] = DATA
            site.faults.clear()
            bring(site, target, sha256=SHA256, patience=Patience())
        assert target.read_bytes() == DATA
        assert names(target.parent) == ["a.bin"]


@settings(max_examples=60)
@given(faults=some_faults(*HONEST, "change", "no if-range", *SLOW))
def test_a_file_of_which_nothing_is_known_is_one_version_or_not_there(faults: list[Fault]) -> None:
    with serving(faults) as (site, links, target):
        if not try_to_fetch(links, target):
            site.faults.clear()
            bring(site, target, patience=Patience())
        assert target.read_bytes() in (DATA, OTHER)
        assert names(target.parent) == ["a.bin", "a.bin.sha256"]


@pytest.mark.parametrize("pins", [{}, {"sha256": SHA256}], ids=["unpinned", "pinned"])
def test_a_full_disk_keeps_what_arrived(site: FaultServer, tiny_disk: Path, pins: dict[str, Any]) -> None:  # noqa: F811
    site.files["a.bin"] = DATA
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(900_000))
    target = tiny_disk / "a.bin"
    with pytest.raises(
        OutputError, match=r"MiB needed; free space, choose another folder, or put the file th"
    ):
        bring(site, target, **pins)
    assert names(tiny_disk) == ["ballast"]
    site.faults.append(Fault("chunked"))  # how much is needed is not known beforehand
    with pytest.raises(OutputError, match=r"a\.bin\.part: cannot be written \(No space left on device\)"):
        bring(site, target, **pins)
    assert names(tiny_disk) == ["a.bin.part", "a.bin.part.json", "ballast"]
    kept = (tiny_disk / "a.bin.part").stat().st_size
    assert 0 < kept < len(DATA)
    ballast.unlink()
    bring(site, target, **pins)
    assert target.read_bytes() == DATA
    assert site.ranges() == [None, None, f"bytes={kept}-"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link", "rename"])
def test_a_file_system_that_refuses_once_loses_nothing(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Every call of the kind fails in turn, until one run makes fewer of them."""
    real = getattr(os, call)
    for number in range(100):
        count = iter(range(number + 1))

        def failing(*args: Any, **kwargs: Any) -> Any:
            if next(count, None) == number:  # noqa: B023
                raise OSError(5, os.strerror(5))
            return real(*args, **kwargs)

        folder = tmp_path / str(number)
        folder.mkdir()
        message = ""
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                bring(site, folder / "a.bin", sha256=SHA256)
            except (OutputError, FetchError) as error:
                message = str(error)
        if not message:
            assert number > 0
            break
        assert "Input/output error" in message
        assert "\n" not in message
        bring(site, folder / "a.bin", sha256=SHA256)
        assert (folder / "a.bin").read_bytes() == DATA
        assert names(folder) == ["a.bin"]
    else:
        pytest.fail("there is no end to the calls")

"""What arrived is gone on with, by tries, processes and mirrors; never with bytes of another version."""

import json
import os
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.fetch import fetch
from neuralviews.remote.partial import PartialFile, Version
from neuralviews.remote.patience import Patience

from .fault_server import Fault, FaultServer
from .fetching import DATA, IMPATIENT, OTHER, SHA256, bring, names

HALF = len(DATA) // 2
GIVE_UP = [Fault("close"), Fault("status", status=404)]
"""Half of the file arrives, and then no more."""


def half(site: FaultServer, target: Path, *, before: Fault | None = None, **options: Any) -> None:
    """Leave half of the file behind, as a run that failed does."""
    site.faults.extend([*([before] if before else []), *GIVE_UP])
    with pytest.raises(
        FetchError, match=rf"cannot be fetched \({HALF} bytes are kept: the same command goes"
    ):
        bring(site, target, **options)
    assert names(target.parent) == ["a.bin.part", "a.bin.part.json"]
    assert target.with_name("a.bin.part").stat().st_size == HALF
    site.requests.clear()


@pytest.mark.parametrize("pins", [{}, {"sha256": SHA256}], ids=["unpinned", "pinned"])
@pytest.mark.parametrize("kind", ["reset", "close", "stall", "chunked close"])
def test_tries_go_on_where_the_last_one_ended(
    site: FaultServer, tmp_path: Path, kind: str, pins: dict[str, str]
) -> None:
    site.faults.extend([Fault(kind, at=0.9), Fault(kind, at=0.5)])
    assert bring(site, tmp_path / "a.bin", **pins).sha256 == SHA256
    first, second, third = (int((asked or "bytes=0-")[6:-1]) for asked in site.ranges())
    assert first == 0
    assert 0 < third < len(DATA)
    assert second <= third
    assert kind == "reset" or second == 0.9 * len(DATA)
    assert site.requests[2][1].get("if-range", "").startswith('"')


def test_a_later_call_goes_on(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin")
    found = bring(site, tmp_path / "a.bin")
    assert (found.sha256, found.pinned, found.adopted) == (SHA256, False, False)
    assert site.ranges() == [f"bytes={HALF}-"]
    assert names(tmp_path) == ["a.bin", "a.bin.sha256"]


def test_a_changed_file_is_fetched_anew(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin")
    site.faults.append(Fault("change"))
    bring(site, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == OTHER
    assert site.ranges() == [f"bytes={HALF}-"]


def test_a_server_that_ignores_the_condition_is_found_out(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin")
    site.files["a.bin"] = OTHER
    site.faults.append(Fault("no if-range"))
    bring(site, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == OTHER
    assert site.ranges() == [f"bytes={HALF}-", None]


def test_a_file_that_grew_is_fetched_anew(site: FaultServer, tmp_path: Path) -> None:
    """The server keeps its ETag, and has more bytes all the same."""
    same = {"ETag": '"same"'}
    site.faults.extend([Fault("close", headers=same), Fault("status", status=404)])
    with pytest.raises(FetchError, match="404"):
        bring(site, tmp_path / "a.bin")
    site.files["a.bin"] = DATA + DATA
    site.requests.clear()
    site.faults.extend([Fault(headers=same), Fault(headers=same)])
    bring(site, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA + DATA
    assert site.ranges() == [f"bytes={HALF}-", None]


@pytest.mark.parametrize(
    ("fault", "requests"), [("no ranges", 1), ("wrong range", 2), ("wrong note", 2), ("status", 2)]
)
def test_servers_without_ranges_that_hold(
    site: FaultServer, tmp_path: Path, fault: str, requests: int
) -> None:
    half(site, tmp_path / "a.bin")
    site.faults.append(Fault(fault, status=416))
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    assert site.ranges() == [f"bytes={HALF}-", None][:requests]


def test_a_wrong_range_is_said(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin")
    wrong = f"bytes {HALF + 1}-{len(DATA) - 1}/{len(DATA)}"
    site.always = Fault("wrong note")
    message = rf"sends a part with Content-Range '{wrong}', expected the bytes from {HALF} on"
    with pytest.raises(FetchError, match=message):
        bring(site, tmp_path / "a.bin", patience=Patience(tries=1))
    assert names(tmp_path) == ["a.bin.part", "a.bin.part.json"]


@pytest.mark.parametrize("kind", ["no validator", "weak"])
def test_without_a_validator_only_a_sum_lets_it_go_on(site: FaultServer, tmp_path: Path, kind: str) -> None:
    headers = {"ETag": 'W/"weak"'} if kind == "weak" else {"ETag": ""}
    site.faults.extend([Fault("close", headers=headers), Fault("status", status=404)])
    with pytest.raises(FetchError, match="404"):
        bring(site, tmp_path / "a.bin", sha256=SHA256)
    pinned = tmp_path / "pinned"
    shutil.copytree(tmp_path, pinned)
    site.requests.clear()
    bring(site, tmp_path / "a.bin")
    bring(site, pinned / "a.bin", sha256=SHA256)
    assert site.ranges() == [None, f"bytes={HALF}-"]
    assert "if-range" not in site.requests[1][1]


@pytest.mark.parametrize(
    ("date", "goes_on"),
    [("Sat, 29 Oct 1994 19:43:31 GMT", True), ("Sat, 29 Oct 2994 19:43:31 GMT", False), ("yesterday", False)],
)
def test_dates_serve_where_they_are_old_enough(
    site: FaultServer, tmp_path: Path, date: str, goes_on: bool
) -> None:
    headers = {"ETag": "", "Last-Modified": date}
    site.faults.extend([Fault("close", headers=headers), Fault(headers=headers)])
    bring(site, tmp_path / "a.bin")
    assert site.ranges() == [None, f"bytes={HALF}-" if goes_on else None]
    assert site.requests[1][1].get("if-range") == (date if goes_on else None)


def test_mirrors_share_what_arrived_if_a_sum_is_pinned(site: FaultServer, tmp_path: Path) -> None:
    links = [site.link("a.bin"), site.link("a.bin", host="localhost")]
    site.faults.extend(GIVE_UP)
    found = fetch(links, tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT)
    assert (found.link, found.sha256) == (links[1], SHA256)
    assert site.ranges() == [None, f"bytes={HALF}-", f"bytes={HALF}-"]
    site.requests.clear()
    site.faults.extend(GIVE_UP)
    assert fetch(links, tmp_path / "b.bin", patience=IMPATIENT).sha256 == SHA256
    assert site.ranges() == [None, f"bytes={HALF}-", None]


def test_mirrors_that_differ_are_found_out(site: FaultServer, tmp_path: Path) -> None:
    """The second mirror has another file: half of each is neither, and the second link alone is not it."""
    site.files["b.bin"] = OTHER
    links = [site.link("b.bin"), site.link("a.bin")]
    site.faults.extend(GIVE_UP)
    assert fetch(links, tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT).sha256 == SHA256
    assert site.ranges() == [None, f"bytes={HALF}-", f"bytes={HALF}-", None]


def test_bytes_of_several_places_are_of_no_use_without_a_sum(site: FaultServer, tmp_path: Path) -> None:
    links = [site.link("a.bin"), site.link("a.bin", host="localhost")]
    site.faults.extend([*GIVE_UP, Fault("close"), Fault("status", status=404)])
    with pytest.raises(FetchError, match="225000 bytes are kept"):
        fetch(links, tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT)
    site.requests.clear()
    assert fetch(links[1:], tmp_path / "a.bin", patience=IMPATIENT).sha256 == SHA256
    assert site.ranges() == [None]


def test_a_mirror_with_a_page_or_another_size_costs_nothing(site: FaultServer, tmp_path: Path) -> None:
    site.files["page"] = b"<html>".ljust(HALF)
    site.files["short"] = DATA[:1000]
    site.files["long"] = DATA + b"x"
    links = [site.link(name) for name in ("a.bin", "page", "short", "long", "a.bin")]
    site.faults.extend(GIVE_UP)
    found = fetch(links, tmp_path / "a.bin", sha256=SHA256, size=len(DATA), patience=IMPATIENT)
    assert found.link == links[-1]
    assert [name for name, _ in site.requests] == [
        *("a.bin", "a.bin"),
        *("page", "page"),  # the second time for all of it, since it has no such part
        *("short", "short"),
        *("long", "a.bin"),
    ]
    assert site.ranges()[-1] == f"bytes={HALF}-"


def test_damaged_leftovers_are_found_out(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin", sha256=SHA256)
    with (tmp_path / "a.bin.part").open("r+b") as file:
        file.write(b"damage")
    bring(site, tmp_path / "a.bin", sha256=SHA256)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert site.ranges() == [f"bytes={HALF}-", None]


@pytest.mark.parametrize("note", [b"", b"{}\n", b"[1]\n", b'{"length":"x","link":1,"validator":[]}\n', None])
def test_leftovers_that_nothing_is_known_of_are_of_no_use(
    site: FaultServer, tmp_path: Path, note: bytes | None
) -> None:
    (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
    if note is not None:
        (tmp_path / "a.bin.part.json").write_bytes(note)
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    assert site.ranges() == [None]


def test_no_secret_is_written_down(site: FaultServer, tmp_path: Path) -> None:
    half(site, tmp_path / "a.bin", headers={"Authorization": "Bearer secret"})
    note = json.loads((tmp_path / "a.bin.part.json").read_bytes())
    etag = f'"{sha256(DATA).hexdigest()[:16]}"'
    assert note == {"length": len(DATA), "link": site.link("a.bin"), "validator": etag}


@pytest.mark.parametrize("pins", [{}, {"sha256": SHA256}], ids=["unpinned", "pinned"])
def test_a_process_killed_just_before_the_end_left_all_there_is(
    site: FaultServer, tmp_path: Path, pins: dict[str, str]
) -> None:
    with PartialFile(tmp_path / "a.bin", md5=False) as part:
        part.restart(Version(site.link("a.bin"), '"x"', len(DATA)))
        part.append(DATA)
    assert bring(site, tmp_path / "a.bin", **pins).sha256 == SHA256
    assert site.requests == []


def test_a_process_killed_just_after_the_end_is_tidied_up_after(site: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(DATA)
    (tmp_path / "a.bin.part").hardlink_to(tmp_path / "a.bin")
    (tmp_path / "a.bin.part.json").write_bytes(b"{}\n")
    assert bring(site, tmp_path / "a.bin", sha256=SHA256).adopted
    assert names(tmp_path) == ["a.bin"]


def test_a_finished_file_that_its_user_moved_is_left_alone(site: FaultServer, tmp_path: Path) -> None:
    """The process was killed just after the end, and the partial name is one more of the moved file."""
    moved = tmp_path / "moved"
    with PartialFile(tmp_path / "a.bin", md5=False) as part:
        part.restart(Version(site.link("a.bin"), '"x"', len(DATA)))
        part.append(OTHER)
    moved.hardlink_to(tmp_path / "a.bin.part")
    assert bring(site, tmp_path / "a.bin", sha256=SHA256).sha256 == SHA256
    assert moved.read_bytes() == OTHER
    assert names(tmp_path) == ["a.bin", "moved"]


def test_local_files_are_gone_on_with(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "a.bin"
    source.write_bytes(DATA)
    info = source.stat()
    with PartialFile(target, md5=False) as part:
        part.restart(Version(str(source), f"{info.st_ino}-{info.st_size}-{info.st_mtime_ns}", len(DATA)))
        part.append(b"#" + DATA[1:HALF])  # to tell what was kept
    shutil.copytree(tmp_path, tmp_path / "changed")
    fetch([str(source)], target, patience=IMPATIENT)
    assert target.read_bytes() == b"#" + DATA[1:]
    source.write_bytes(OTHER)
    fetch([str(source)], tmp_path / "changed" / "a.bin", patience=IMPATIENT)
    assert (tmp_path / "changed" / "a.bin").read_bytes() == OTHER


PROGRAM = """
import sys
from pathlib import Path
from neuralviews.remote.fetch import fetch
fetch([sys.argv[1]], Path(sys.argv[2]))
"""


@pytest.mark.parametrize("pins", [{}, {"sha256": SHA256}], ids=["unpinned", "pinned"])
def test_kill_9_loses_nothing_that_arrived(site: FaultServer, tmp_path: Path, pins: dict[str, str]) -> None:
    target, part = tmp_path / "a.bin", tmp_path / "a.bin.part"
    arrived = 0
    for _ in range(2):
        site.faults.append(Fault("stall"))
        expected = arrived + (len(DATA) - arrived) // 2
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, site.link("a.bin"), str(target)])
        try:
            while process.poll() is None and not (part.exists() and part.stat().st_size == expected):
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait()
        assert names(tmp_path) == ["a.bin.part", "a.bin.part.json"]
        arrived = expected
    assert bring(site, target, **pins).sha256 == SHA256
    assert site.ranges() == [None, f"bytes={HALF}-", f"bytes={arrived}-"]
    assert [name for name in names(tmp_path) if name != "a.bin.sha256"] == ["a.bin"]


@pytest.mark.parametrize("name", ["file.part.json", "file.sha256"])
def test_pipes_in_the_place_of_notes_are_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_bytes(b"bytes")
    os.mkfifo(tmp_path / name)
    if name == "file.sha256":
        with pytest.raises(FetchError, match=r"file\.sha256: found '', expected the sha256 of file"):
            fetch([str(tmp_path / "there")], tmp_path / "file")
    else:
        (tmp_path / "file.part").write_bytes(b"by")
        assert fetch([str(tmp_path / "there")], tmp_path / "file").size == 5

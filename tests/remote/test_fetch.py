"""What is fetched is right and whole before it has its name, and is adopted once it is there."""

import hashlib
import os
import subprocess
import threading
from pathlib import Path

import pytest

from neuralviews.errors import FetchError, OptionError, OutputError
from neuralviews.remote import transfer
from neuralviews.remote.fetch import Fetched, fetch

from .fault_server import HTML, Fault, FaultServer
from .fetching import DATA, IMPATIENT, SHA256, bring, names


def test_a_pinned_file_arrives_alone(site: FaultServer, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.bin"
    md5 = hashlib.md5(DATA).hexdigest()
    found = bring(site, target, sha256=SHA256.upper(), md5=md5, size=len(DATA))
    assert found == Fetched(target, SHA256, len(DATA), site.link("a.bin"), pinned=True, adopted=False)
    assert target.read_bytes() == DATA
    assert names(target.parent) == ["a.bin"]
    asked = site.requests[0][1]
    assert asked["accept-encoding"] == "identity"
    assert asked["user-agent"].startswith("neuralviews/")
    assert "range" not in asked


@pytest.mark.parametrize("pin", ["sha256", "md5", "record", "nothing"])
def test_a_right_file_is_adopted_without_the_network(site: FaultServer, tmp_path: Path, pin: str) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(DATA)
    pins = {"sha256": SHA256, "md5": hashlib.md5(DATA).hexdigest()}
    if pin == "record":
        (tmp_path / "a.bin.sha256").write_text(f"{SHA256}  a.bin\n")
    found = bring(site, target, **({pin: pins[pin]} if pin in pins else {}))
    assert found == Fetched(target, SHA256, len(DATA), None, pinned=pin != "nothing", adopted=True)
    assert site.requests == []
    assert names(tmp_path) == ["a.bin"] + ([] if pin in pins else ["a.bin.sha256"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"sha256": "0" * 64}, f"found sha256 {SHA256}, expected {'0' * 64}; remove it"),
        ({"md5": "0" * 32}, f"found md5 [0-9a-f]{{32}}, expected {'0' * 32}; remove it"),
        ({"size": 7}, "found 300000 bytes, expected 7; remove it"),
    ],
)
def test_a_wrong_file_is_never_replaced(
    site: FaultServer, tmp_path: Path, options: dict[str, str | int], problem: str
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(DATA)
    with pytest.raises(OutputError, match=rf"a\.bin: there is a file of this name, {problem}"):
        bring(site, target, **options)
    assert target.read_bytes() == DATA
    assert site.requests == []


def test_the_first_use_is_recorded_and_holds_from_then_on(site: FaultServer, tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    assert not bring(site, target).pinned
    record = tmp_path / "a.bin.sha256"
    assert record.read_text() == f"{SHA256}  a.bin\n"
    subprocess.run(["sha256sum", "--status", "-c", record.name], cwd=tmp_path, check=True)
    target.unlink()
    assert bring(site, target).pinned
    target.unlink()
    site.files["a.bin"] = b"another one"
    message = rf"found sha256 \w+, expected {SHA256} as recorded in .*a\.bin\.sha256 when .*\(remove that"
    with pytest.raises(FetchError, match=message):
        bring(site, target)
    assert names(tmp_path) == ["a.bin.sha256"]
    new = hashlib.sha256(b"another one").hexdigest()
    assert bring(site, target, sha256=new).sha256 == new  # who knows better is believed


@pytest.mark.parametrize("name", ["a\\b.bin", "a\nb.bin"])
def test_records_of_odd_names(site: FaultServer, tmp_path: Path, name: str) -> None:
    bring(site, tmp_path / name)
    subprocess.run(["sha256sum", "--status", "-c", f"{name}.sha256"], cwd=tmp_path, check=True)
    assert bring(site, tmp_path / name).pinned


def test_a_damaged_record_is_said(site: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin.sha256").write_text("<html>")
    with pytest.raises(FetchError, match=r"a\.bin\.sha256: found '<html>', expected the sha256 of a\.bin as"):
        bring(site, tmp_path / "a.bin")
    (tmp_path / "a.bin.sha256").unlink()
    (tmp_path / "a.bin.sha256").mkdir()
    with pytest.raises(FetchError, match=r"a\.bin\.sha256: cannot be read \(Is a directory\)"):
        bring(site, tmp_path / "a.bin")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sha256": "12"}, "sha256: found '12', expected 64 hexadecimal digits"),
        ({"md5": "x" * 32}, f"md5: found '{'x' * 32}', expected 32 hexadecimal digits"),
        ({"size": -1}, "size: found -1, expected the bytes of a file, at least 0"),
    ],
)
def test_impossible_options(tmp_path: Path, options: dict[str, str | int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        fetch(["/x"], tmp_path / "a.bin", **options)  # type: ignore[arg-type]


def test_impossible_lists_of_links(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"a\.bin: found no links, expected at least one"):
        fetch([], tmp_path / "a.bin")
    with pytest.raises(OptionError, match="links: found the text '/x', expected a list"):
        fetch("/x", tmp_path / "a.bin")


def test_all_links_are_tried_and_named(site: FaultServer, tmp_path: Path) -> None:
    dead, gone = site.link("dead.bin"), "http://127.0.0.1:1/a.bin"
    found = fetch([dead, gone, site.link("a.bin")], tmp_path / "a.bin", patience=IMPATIENT)
    assert found.link == site.link("a.bin")
    links = [dead, gone, "ftp://x/y", "a.bin", "file://elsewhere/a", "/nowhere", "http://a:b/", "http://[x/"]
    links += ["file://[x/", "https://user:secret@x.org/a"]
    with pytest.raises(FetchError) as caught:
        fetch(links, tmp_path / "b.bin", patience=IMPATIENT)
    message = str(caught.value)
    for link, reason in zip(
        links,
        [
            "answered 404 Not Found, it may be dead: look for a new one",
            "cannot be reached (Connection refused); check the network",
            "no link that can be opened, expected https://, http://, file:// or an absolute path",
            "no link that can be opened, expected https://, http://, file:// or an absolute path",
            "no file of this machine, expected file:///folder/name",
            "cannot be read (No such file or directory)",
            "no link that can be opened (Port could not be cast to integer value as 'b')",
            "no link that can be opened (",
            "no link that can be opened (",
            "no link that can be opened: names of users and passwords do not belong into links",
        ],
        strict=True,
    ):
        assert f"from {link}: {reason}" in message
    assert message.startswith(f"{tmp_path / 'b.bin'}: cannot be fetched from {dead}: ")
    assert names(tmp_path) == ["a.bin", "a.bin.sha256"]


def test_a_name_that_nobody_has(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"nowhere\.invalid/a: cannot be reached \(.+\); check the network"):
        fetch(["http://nowhere.invalid/a"], tmp_path / "a.bin", patience=IMPATIENT)


@pytest.mark.parametrize("form", ["path", "file://", "file://localhost"])
def test_local_files(tmp_path: Path, form: str) -> None:
    source = tmp_path / "of there" / "a.bin"
    source.parent.mkdir()
    source.write_bytes(DATA)
    link = str(source) if form == "path" else f"{form}{tmp_path}/of%20there/a.bin"
    found = fetch([link], tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT)
    assert (found.link, found.adopted) == (link, False)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert os.stat(source).st_nlink == 1


def test_what_is_no_local_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "pipe"):
        with pytest.raises(FetchError, match="no regular file, expected the file itself"):
            fetch([str(tmp_path / name)], tmp_path / "a.bin", patience=IMPATIENT)
    with pytest.raises(FetchError, match=r"cannot be read \(embedded null byte\)"):
        fetch(["/a\0b"], tmp_path / "a.bin", patience=IMPATIENT)


def test_an_empty_file(site: FaultServer, tmp_path: Path) -> None:
    site.files["a.bin"] = b""
    assert bring(site, tmp_path / "a.bin", size=0).size == 0
    assert names(tmp_path) == ["a.bin", "a.bin.sha256"]


@pytest.mark.parametrize("kind", ["html", "bare html"])
def test_a_web_page_in_place_of_data(site: FaultServer, tmp_path: Path, kind: str) -> None:
    site.always = Fault(kind)
    message = "the link served a web page, not data; open it in a browser, and take the link of the download"
    with pytest.raises(FetchError, match=message):
        bring(site, tmp_path / "a.bin")
    assert len(site.requests) == 1
    assert names(tmp_path) == []
    bring(site, tmp_path / "a.html")
    assert (tmp_path / "a.html").read_bytes() == HTML


def test_a_web_page_that_comes_drop_by_drop(site: FaultServer, tmp_path: Path) -> None:
    site.files["a.bin"] = b"<!-- " + bytes(500) + b" -->" + HTML
    site.faults.extend([Fault("close", at=0.1), Fault("close", at=0.5)])
    with pytest.raises(FetchError, match="the link served a web page, not data"):
        bring(site, tmp_path / "a.bin")
    assert names(tmp_path) == []


def test_wrong_bytes_are_thrown_away(site: FaultServer, tmp_path: Path) -> None:
    site.faults.append(Fault("flip"))
    message = rf"found sha256 [0-9a-f]{{64}}, expected {SHA256}; these bytes were thrown away"
    with pytest.raises(FetchError, match=message):
        bring(site, tmp_path / "a.bin", sha256=SHA256)
    assert names(tmp_path) == []
    bring(site, tmp_path / "a.bin", sha256=SHA256)
    assert site.ranges() == [None, None]


def test_a_wrong_size_is_refused_before_anything_is_read(site: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="has 300000 bytes, expected 299999"):
        bring(site, tmp_path / "a.bin", size=299_999)
    assert names(tmp_path) == []


@pytest.mark.parametrize("target", ["file/a.bin", "file/further/a.bin"])
def test_a_folder_that_cannot_be(site: FaultServer, tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot be written \((Not a directory|File exists)\)"):
        bring(site, tmp_path / target)
    assert site.requests == []


def test_a_target_that_is_no_file(site: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OutputError, match=r"a\.bin: no regular file, expected the file to fetch; remove it"):
        bring(site, tmp_path / "a.bin")
    (tmp_path / "b.bin.part").mkdir()
    with pytest.raises(OutputError, match=r"b\.bin\.part: cannot be written \(Is a directory\)"):
        bring(site, tmp_path / "b.bin")
    (tmp_path / "c.bin.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"c\.bin\.part: cannot be written \(Too many levels of symbolic"):
        bring(site, tmp_path / "c.bin")


def test_too_little_room_is_refused_early(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def require_room(folder: Path, needed: int, otherwise: str) -> None:
        asked.append((folder, needed))
        raise OutputError("no room")

    monkeypatch.setattr(transfer, "require_room", require_room)
    with pytest.raises(OutputError, match="no room"):
        bring(site, tmp_path / "a.bin")
    assert asked == [(tmp_path, len(DATA))]
    assert names(tmp_path) == []


def test_processes_that_want_the_same_file_take_turns(site: FaultServer, tmp_path: Path) -> None:
    found: list[Fetched] = []
    threads = [
        threading.Thread(target=lambda: found.append(bring(site, tmp_path / "a.bin"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.adopted for each in found) == [False] + [True] * 5
    assert {each.sha256 for each in found} == {SHA256}
    assert len(site.requests) == 1
    assert names(tmp_path) == ["a.bin", "a.bin.sha256"]


def test_a_file_that_somebody_else_puts_there_meanwhile(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, real = tmp_path / "a.bin", os.link

    def late(source: Path, final: Path) -> None:
        target.write_bytes(other)
        real(source, final)

    monkeypatch.setattr(os, "link", late)
    other = DATA
    assert bring(site, target, sha256=SHA256).adopted
    target.unlink()
    other = b"something else"
    with pytest.raises(OutputError, match="there is a file of this name, found sha256"):
        bring(site, target, sha256=SHA256)
    assert target.read_bytes() == other
    assert names(tmp_path) == ["a.bin"]


def test_a_bar_is_shown_on_demand(
    site: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(site, tmp_path / "a.bin")
    assert capsys.readouterr().err == ""
    site.faults.append(Fault("close", at=0.5))
    bring(site, tmp_path / "b.bin", progress=True)
    shown = capsys.readouterr().err
    assert "b.bin: 100%" in shown
    assert "300k/300k" in shown
    assert "b.bin:  50%" in shown

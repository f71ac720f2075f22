"""What servers may answer: redirects, refusals, pauses, lies about lengths and kinds."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote import patience as patience_module
from neuralviews.remote import transfer
from neuralviews.remote.body import LinkFault
from neuralviews.remote.fetch import fetch
from neuralviews.remote.patience import Patience
from neuralviews.remote.web import redirected

from .fault_server import Fault, FaultServer
from .fetching import DATA, IMPATIENT, SHA256, bring, names

PATIENT = Patience(tries=3, pause=1.0, longest=10.0, timeout=5.0)


def redirect(to: str, status: int = 302) -> Fault:
    return Fault("status", status=status, headers={"Location": to})


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, without making them."""
    made: list[float] = []

    class Clock:
        sleep = made.append

    monkeypatch.setattr(patience_module, "time", Clock)
    return made


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/a.bin", "a.bin", "?", "//127.0.0.1:{port}/a.bin"])
def test_redirects_are_followed(site: FaultServer, tmp_path: Path, status: int, to: str) -> None:
    port = site.link("").split(":")[2][:-1]
    site.faults.append(redirect(to.format(port=port) if to != "?" else site.link("a.bin"), status))
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    assert len(site.requests) == 2


def test_a_part_is_asked_for_through_redirects(site: FaultServer, tmp_path: Path) -> None:
    site.files["moved"] = DATA
    site.faults.extend([redirect("/moved"), Fault("close"), redirect("/moved")])
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    half = f"bytes={len(DATA) // 2}-"
    assert site.ranges() == [None, None, half, half]
    assert site.requests[3][1]["if-range"] == site.requests[2][1]["if-range"]


def test_secrets_stay_with_the_host_they_are_for(site: FaultServer, tmp_path: Path) -> None:
    elsewhere = site.link("a.bin", host="localhost")
    site.faults.extend([redirect("/a.bin"), redirect(elsewhere), redirect(site.link("a.bin"))])
    bring(site, tmp_path / "a.bin", headers={"Authorization": "Bearer secret"})
    sent = [headers.get("authorization") for _, headers in site.requests]
    assert sent == ["Bearer secret", "Bearer secret", None, None]
    assert all(headers["accept-encoding"] == "identity" for _, headers in site.requests)


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("/a.bin", "redirects more than 10 times, or in a circle; look for a new link"),
        ("", "redirects to nowhere; look for a new link"),
        ("file:///etc/passwd", "redirects to file:///etc/passwd, expected a place in the web: do not trust"),
        ("ftp://x/y", "redirects to ftp://x/y, expected a place in the web"),
        ("data:,x", "redirects to data:,x, expected a place in the web"),
        ("http://[::1", "redirects to http://[::1, which is no link (Invalid IPv6 URL); look for a new link"),
        ("//[", "redirects to //[, which is no link (Invalid IPv6 URL); look for a new link"),
    ],
)
def test_redirects_that_lead_astray(site: FaultServer, tmp_path: Path, to: str, reason: str) -> None:
    site.always = redirect(to)
    with pytest.raises(FetchError, match=f"a.bin: {re.escape(reason)}"):
        bring(site, tmp_path / "a.bin")
    assert len(site.requests) <= 11
    assert names(tmp_path) == []


def test_https_is_not_left() -> None:
    assert redirected("http://a/b", "https://a/c") == "https://a/c"
    assert redirected("https://a/b/c", "../d?e=f%20g") == "https://a/d?e=f%20g"
    assert redirected("https://a/b", "//other/c") == "https://other/c"
    assert redirected("https://a/b", "/\xc3\xa4 1") == "https://a/%C3%A4%201"
    for location in ("http://a/b", "HTTP://a/b"):
        with pytest.raises(LinkFault, match=r"redirects from https to .*, where anybody on the way could"):
            redirected("https://a/b", location)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "answered 401 Unauthorized, it needs permission: log in, or ask whoever gave it"),
        (403, "answered 403 Forbidden, it has expired or needs permission: open it in a browser"),
        (404, "answered 404 Not Found, it may be dead: look for a new one"),
        (410, "answered 410 Gone, it is dead: look for a new one"),
        (204, "answered 204 No Content, expected the file"),
        (304, "answered 304 Not Modified, expected the file"),
        (418, "answered 418 I'm a Teapot, expected the file"),
        (599, "answered 599, expected the file"),
    ],
)
def test_refusals_are_final(site: FaultServer, tmp_path: Path, status: int, reason: str) -> None:
    site.always = Fault("status", status=status)
    with pytest.raises(FetchError, match=f"a.bin: {re.escape(reason)}"):
        bring(site, tmp_path / "a.bin")
    assert len(site.requests) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_refusals_that_may_pass_are_waited_for(
    site: FaultServer, tmp_path: Path, status: int, pauses: list[float]
) -> None:
    site.faults.extend([Fault("status", status=status)] * 2)
    assert bring(site, tmp_path / "a.bin", patience=PATIENT).sha256 == SHA256
    assert pauses == [1.0, 2.0]
    site.always = Fault("status", status=status)
    with pytest.raises(FetchError, match=rf"a.bin: answered {status} [\w ]+; try again later$"):
        bring(site, tmp_path / "b.bin", patience=PATIENT)
    assert len(site.requests) == 6


def test_a_pause_that_a_server_asks_for_is_made(
    site: FaultServer, tmp_path: Path, pauses: list[float]
) -> None:
    site.faults.append(Fault("status", headers={"Retry-After": "7"}))
    site.faults.append(Fault("status", headers={"Retry-After": "soon"}))
    bring(site, tmp_path / "a.bin", patience=PATIENT)
    assert pauses == [7.0, 2.0]
    date = datetime.now(UTC) + timedelta(seconds=9)
    site.faults.append(Fault("status", headers={"Retry-After": format_datetime(date)}))
    bring(site, tmp_path / "b.bin", patience=PATIENT)
    assert 1.0 <= pauses[2] <= 9.0


FAR = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"


def test_a_date_that_no_calendar_has_names_no_version(site: FaultServer, tmp_path: Path) -> None:
    site.faults.append(Fault("close", headers={"ETag": "", "Last-Modified": FAR}))
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    assert site.ranges() == [None, None]


def test_a_pause_until_a_date_that_no_calendar_has(
    site: FaultServer, tmp_path: Path, pauses: list[float]
) -> None:
    site.faults.append(Fault("status", headers={"Retry-After": FAR}))
    assert bring(site, tmp_path / "a.bin", patience=PATIENT).sha256 == SHA256
    assert pauses == [1.0]


def test_no_server_is_waited_for_longer_than_stated(
    site: FaultServer, tmp_path: Path, pauses: list[float]
) -> None:
    site.faults.append(Fault("status", status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(FetchError, match="answered 429 Too Many Requests and asks to wait 3600 s; try again"):
        bring(site, tmp_path / "a.bin", patience=PATIENT)
    assert pauses == []
    assert len(site.requests) == 1


def test_pauses_grow_up_to_a_bound(pauses: list[float]) -> None:
    patience = Patience(tries=9, pause=1.0, longest=5.0)
    fault = LinkFault("x", retry=True)
    assert [patience.wait("link", tries, fault) for tries in range(1, 10)] == [True] * 8 + [False]
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0]
    assert not patience.wait("link", 1, LinkFault("x"))


def test_what_is_tried_again_is_told_once(pauses: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for tell in (True, False):
        patience = Patience(tries=3, tell=tell)
        for tries in (1, 2, 3):
            patience.wait("https://x/a\n", tries, LinkFault("cannot be reached", retry=True))
        patience.wait("https://x/a", 1, LinkFault("answered 404"))
        told = "https://x/a\\n: cannot be reached; trying again, up to 2 times\n" * tell
        assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("silent", "the server does not answer in time"),
        ("stall", "the server fell silent"),
        ("refuse", r"cannot be reached \(Remote end closed connection without response\); check the network"),
        ("reset", r"the connection broke \(Connection reset by peer\)"),
        ("close", r"the connection ended after \d+ of 300000 bytes"),
        ("chunked close", "the connection was cut"),
        ("long", r"(the connection ended after 300000 of 330001 bytes|answered 416)"),
        ("short", "sends more bytes than it states"),
    ],
)
def test_servers_that_never_do_better_are_given_up(
    site: FaultServer, tmp_path: Path, kind: str, reason: str
) -> None:
    site.always = Fault(kind, at=0.0)
    with pytest.raises(FetchError, match=rf"a\.bin: {reason}"):
        bring(site, tmp_path / "a.bin")
    assert len(site.requests) == IMPATIENT.tries
    assert "a.bin" not in names(tmp_path)


def test_clients_that_hang_up_at_the_stated_length(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of Python 3.13 do."""
    real = HTTPResponse.read1

    def read1(answer: HTTPResponse, n: int = -1) -> bytes:
        block = real(answer, n)
        if answer.length == 0:
            answer._close_conn()  # type: ignore[attr-defined]
        return block

    monkeypatch.setattr(HTTPResponse, "read1", read1)
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    site.always = Fault("short")
    with pytest.raises(FetchError, match="sends more bytes than it states"):
        bring(site, tmp_path / "b.bin")


def test_tries_are_counted_anew_as_long_as_bytes_arrive(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralviews.remote.fetch._PROGRESS", 5_000)
    site.faults.extend([Fault("close", at=0.1)] * 12)
    assert bring(site, tmp_path / "a.bin").sha256 == SHA256
    assert len(site.requests) == 13
    site.always = Fault("close", headers={"ETag": ""})  # starts from nothing each time, and gets no further
    with pytest.raises(FetchError, match="the connection ended after 150000 of 300000 bytes"):
        bring(site, tmp_path / "b.bin")
    assert len(site.requests) == 13 + IMPATIENT.tries


@pytest.mark.parametrize("pins", [{}, {"sha256": SHA256}, {"size": len(DATA)}])
def test_chunks_need_no_length(site: FaultServer, tmp_path: Path, pins: dict[str, Any]) -> None:
    site.always = Fault("chunked")
    assert bring(site, tmp_path / "a.bin", **pins).sha256 == SHA256


def test_chunks_without_end_are_not_all_taken(
    site: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.always = Fault("endless")
    with pytest.raises(FetchError, match="sends more than 300000 bytes, expected the file alone"):
        bring(site, tmp_path / "a.bin", size=len(DATA))
    monkeypatch.setattr(transfer, "MAX_UNSTATED", 1_000_000)
    with pytest.raises(FetchError, match="sends more than 1000000 bytes, expected the file alone"):
        bring(site, tmp_path / "a.bin")
    assert names(tmp_path) == []


def test_a_file_whose_end_cannot_be_told_needs_a_promise(site: FaultServer, tmp_path: Path) -> None:
    site.always = Fault("no length")
    with pytest.raises(FetchError, match="states no length, so that a part could not be told from the whole"):
        bring(site, tmp_path / "a.bin")
    assert bring(site, tmp_path / "a.bin", sha256=SHA256).size == len(DATA)
    assert bring(site, tmp_path / "b.bin", size=len(DATA)).sha256 == SHA256
    with pytest.raises(FetchError, match="the connection ended after 300000 of 300001 bytes"):
        bring(site, tmp_path / "c.bin", size=len(DATA) + 1)


@pytest.mark.parametrize("name", ["Content-Encoding", "Transfer-Encoding"])
def test_other_encodings_are_refused(site: FaultServer, tmp_path: Path, name: str) -> None:
    site.always = Fault(headers={name: "gzip"})
    with pytest.raises(FetchError, match="sends the file encoded as 'gzip', expected its bytes as they are"):
        bring(site, tmp_path / "a.bin")
    assert names(tmp_path) == []


def test_links_may_hold_what_requests_cannot(site: FaultServer, tmp_path: Path) -> None:
    site.files["%C3%A4%20b/c.bin?x=%C3%BC"] = DATA
    link = site.link("ä b/c.bin?x=ü#part")
    assert fetch([link], tmp_path / "a.bin", patience=IMPATIENT).sha256 == SHA256
    with pytest.raises(FetchError, match="no request that can be sent"):
        bring(site, tmp_path / "b.bin", headers={"X": "a\r\nb"})
    for host in ("x" * 64 + "ä", "a..ä"):
        with pytest.raises(FetchError, match="no link that can be opened: there is no host of this name"):
            fetch([f"http://{host}/"], tmp_path / "b.bin", patience=IMPATIENT)


def test_a_stall_does_not_outlast_its_bound(site: FaultServer, tmp_path: Path) -> None:
    site.faults.append(Fault("stall", at=0.3))
    start = time.monotonic()
    bring(site, tmp_path / "a.bin")
    assert time.monotonic() - start >= IMPATIENT.timeout
    assert len(site.requests) == 2

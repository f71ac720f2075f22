"""Links as people share them: what they stand for, and what can only be fetched by hand."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.fetch import fetch
from neuralviews.remote.links import resolve
from neuralviews.remote.patience import Patience
from neuralviews.remote.remote_file import RemoteFile
from neuralviews.remote.site import open_site

from .fault_server import Fault, FaultServer
from .fetching import DATA, IMPATIENT

DROPBOX = "https://www.dropbox.com"


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("https://x.org/a/b%20c.zip?d=e", "b c.zip"),
        ("http://x.org/a.tar.gz", "a.tar.gz"),
        ("file:///data/a%20b.h5", "a b.h5"),
        ("/data/a%20b.h5", "a%20b.h5"),
    ],
)
def test_plain_links_are_single_files(link: str, name: str) -> None:
    assert resolve(link) == [RemoteFile(name, (link,))]


@pytest.mark.parametrize(
    "link", ["https://x.org", "https://x.org/", "https://x.org/a/..", "https://x.org/a%5Cb"]
)
def test_links_without_a_name(link: str) -> None:
    with pytest.raises(
        FetchError, match="expected a relative path of a file; give a link that ends in the na"
    ):
        resolve(link)


@pytest.mark.parametrize("link", ["https://[::1", "http://[x/a.zip", "ftp://[::1/a", "file://[x/a"])
def test_what_is_no_link(link: str, tmp_path: Path) -> None:
    for ask in (resolve, lambda link: open_site(link, tmp_path)):
        with pytest.raises(FetchError, match=rf"{re.escape(link)}: no link that can be opened \(.*IPv6"):
            ask(link)


@pytest.mark.parametrize(
    ("shared", "direct", "name"),
    [
        ("/sh/56pak/AABtW?dl=0", "/sh/56pak/AABtW?dl=1", "56pak.zip"),
        ("/sh/56pak/AABrc/mnist-inrs.zip?dl=0", "/sh/56pak/AABrc/mnist-inrs.zip?dl=1", "mnist-inrs.zip"),
        ("/sh/56pak/AABrc/mnist-inrs.zip", "/sh/56pak/AABrc/mnist-inrs.zip?dl=1", "mnist-inrs.zip"),
        ("/s/abc/x%20y.zip?raw=1#z", "/s/abc/x%20y.zip?dl=1", "x y.zip"),
        ("/scl/fi/okg/m.zip?rlkey=k7&st=n2&dl=0", "/scl/fi/okg/m.zip?rlkey=k7&st=n2&dl=1", "m.zip"),
        ("/scl/fi/okg/m.zip?rlkey=k7&dl=1", "/scl/fi/okg/m.zip?rlkey=k7&dl=1", "m.zip"),
        ("/scl/fo/okg/AB_-c?rlkey=k7&dl=0", "/scl/fo/okg/AB_-c?rlkey=k7&dl=1", "okg.zip"),
    ],
)
def test_dropbox_links_are_made_direct(shared: str, direct: str, name: str) -> None:
    for host in (DROPBOX, "https://dropbox.com"):
        assert resolve(host + shared) == [RemoteFile(name, (host + direct,))]
    assert resolve(resolve(DROPBOX + shared)[0].links[0])[0].links == (DROPBOX + direct,)


@pytest.mark.parametrize("path", ["", "/home", "/sh/56pak", "/s", "/scl", "/scl/fi", "/scl/xx/a/b"])
def test_other_pages_of_dropbox(path: str) -> None:
    with pytest.raises(
        FetchError, match=r"found a page of Dropbox, expected a link to a file or folder as 'Cop"
    ):
        resolve(DROPBOX + path)


@pytest.mark.parametrize(
    "link",
    [
        "https://drive.google.com/file/d/14RUV3eN6/view?usp=sharing",
        "https://drive.google.com/drive/folders/15CdOTPWH",
        "https://docs.google.com/uc?id=1",
    ],
)
def test_google_drive_is_for_people(link: str, tmp_path: Path) -> None:
    message = "Google Drive gives files to browsers alone; open this link in one, save the file {}, and run"
    with pytest.raises(FetchError) as caught:
        resolve(link, folder=tmp_path)
    place = f"in {tmp_path} (make that folder if need be)"
    assert str(caught.value).startswith(f"{link}: {message.format(place)} the same command with the path of")
    with pytest.raises(FetchError, match=message.format("in any folder")):
        resolve(link)


def entry(site: FaultServer, key: str, /, data: bytes = DATA, **fields: Any) -> dict[str, Any]:
    """A file as Zenodo lists it, and serves it."""
    site.files[f"api/records/7/files/{key}/content"] = data
    return {
        "key": key,
        "size": len(data),
        "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
        "links": {"self": site.link(f"api/records/7/files/{key}/content")},
        **fields,
    }


def list_files(site: FaultServer, *entries: dict[str, Any]) -> str:
    """Have a server speak for Zenodo; returns its address."""
    site.files["api/records/7"] = json.dumps({"id": 7, "files": entries}).encode()
    return site.link("")[:-1]


@pytest.mark.parametrize(
    "link",
    [
        *("doi:10.5281/zenodo.7", "DOI: 10.5281/ZENODO.7", "https://doi.org/10.5281/zenodo.7"),
        *(
            "http://dx.doi.org/10.5281/zenodo.7",
            "https://zenodo.org/record/7",
            "https://zenodo.org/records/7/",
        ),
        *("https://www.zenodo.org/records/7?preview=1", "https://zenodo.org/records/7/export/x"),
    ],
)
def test_records_of_zenodo_are_listed_with_their_sums(site: FaultServer, tmp_path: Path, link: str) -> None:
    zenodo = list_files(site, entry(site, "b.zip"), entry(site, "a/c.h5", b"x", checksum="crc:1"))
    first, second = resolve(link, zenodo=zenodo, patience=IMPATIENT)
    assert (first.name, first.size, first.md5) == ("a/c.h5", 1, None)
    assert second == RemoteFile(
        "b.zip",
        (site.link("api/records/7/files/b.zip/content"),),
        len(DATA),
        md5=hashlib.md5(DATA).hexdigest(),
    )
    found = fetch(second.links, tmp_path / "b.zip", md5=second.md5, size=second.size, patience=IMPATIENT)
    assert found.pinned


def test_one_file_of_a_record(site: FaultServer) -> None:
    zenodo = list_files(site, entry(site, "b c.zip"), entry(site, "d.zip"))
    for place in ("records/7/files/b%20c.zip?download=1", "api/records/7/files/b%20c.zip/content"):
        files = resolve(f"https://zenodo.org/{place}", zenodo=zenodo, patience=IMPATIENT)
        assert [file.name for file in files] == ["b c.zip"]
    with pytest.raises(FetchError, match=r"e\.zip: found no such file; the record has b c\.zip, d\.zip"):
        resolve("https://zenodo.org/records/7/files/e.zip", zenodo=zenodo, patience=IMPATIENT)


@pytest.mark.parametrize("doi", ["10.1000/182", "10.5281/zenodo.", "10.5281/zenodo.x", "10.5281/zenodo.1/2"])
def test_other_dois(doi: str) -> None:
    message = (
        rf"found the DOI '{doi}', expected one of Zenodo \(10\.5281/zenodo\.NUMBER\); open https://doi\.org/"
    )
    for link in (f"doi:{doi}", f"https://doi.org/{doi}"):
        with pytest.raises(FetchError, match=message):
            resolve(link)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"<html>", "found no list of files"),
        (b"[" * 10_000, "found no list of files"),
        (b"{}", r"found no list of files \(KeyError: 'files'\); the record may be restricted"),
        (b'{"files": [{"key": "a"}]}', r"found no list of files \(KeyError: 'links'\)"),
        (b'{"files": 1}', "found no list of files"),
        (b'{"files": []}', "found no such file; the record has none"),
    ],
)
def test_records_that_list_nothing(site: FaultServer, answer: bytes, reason: str) -> None:
    zenodo = list_files(site)
    site.files["api/records/7"] = answer
    with pytest.raises(FetchError, match=rf"doi:10\.5281/zenodo\.7: .*{reason}") as caught:
        resolve("doi:10.5281/zenodo.7", zenodo=zenodo, patience=IMPATIENT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"links": {"self": "file:///etc/passwd"}}, "found the link 'file:///etc/passwd', expected https://"),
        ({"links": {"self": "http://elsewhere/x"}}, "found the link 'http://elsewhere/x', expected https://"),
        ({"size": -1}, "found the size -1"),
        ({"key": "../x"}, r"found the name '\.\./x', expected a relative path of a file"),
        ({"key": "/x"}, "found the name '/x'"),
    ],
)
def test_what_a_record_may_not_say(site: FaultServer, fields: dict[str, Any], reason: str) -> None:
    zenodo = list_files(site, entry(site, "a", **fields))
    with pytest.raises(FetchError, match=reason):
        resolve("doi:10.5281/zenodo.7", zenodo=zenodo, patience=IMPATIENT)


def test_zenodo_is_asked_again(site: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    zenodo = list_files(site, entry(site, "a"))
    patience = Patience(tries=4, pause=0.0, longest=0.0, timeout=0.3)
    site.faults.extend([Fault("status", status=429), Fault("close"), Fault("stall")])
    assert len(resolve("doi:10.5281/zenodo.7", zenodo=zenodo, patience=patience)) == 1
    site.always = Fault("status", status=502)
    with pytest.raises(
        FetchError, match=r"zenodo\.7: http://.*/api/records/7: answered 502 Bad Gateway; try ag"
    ):
        resolve("doi:10.5281/zenodo.7", zenodo=zenodo, patience=patience)
    site.always = None
    monkeypatch.setattr("neuralviews.remote.zenodo.MAX_BYTES", 50)
    with pytest.raises(FetchError, match="says more than 50 bytes of a record"):
        resolve("doi:10.5281/zenodo.7", zenodo=zenodo, patience=patience)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(RemoteFile("a", ("https://x/a",), headers={"Authorization": "Bearer secret"}))

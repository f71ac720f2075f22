"""Pages in place of a file whose sha256 is known: what is kept then, and what is said."""

from pathlib import Path

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.fetch import fetch

from .fault_server import Fault, FaultServer
from .fetching import DATA, IMPATIENT, SHA256, names

TEXT = b"Sorry, this file is not here for now. Please log in."
CALLED = Fault(headers={"Content-Type": "text/html"})


def test_a_mirror_with_a_page_in_plain_words_costs_nothing(site: FaultServer, tmp_path: Path) -> None:
    """Its bytes do not begin like a page; the server alone calls them one."""
    site.files["page"] = TEXT
    links = [site.link("a.bin"), site.link("page")]
    site.faults.extend([Fault("close"), *[Fault("status", status=503)] * 3, *[CALLED] * 2])
    with pytest.raises(
        FetchError, match=r"\(150000 bytes are kept: .* nor from .*page: the link served a web page"
    ):
        fetch(links, tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT)
    assert (tmp_path / "a.bin.part").read_bytes() == DATA[: len(DATA) // 2]
    site.requests.clear()
    assert fetch(links, tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT).link == links[0]
    assert site.ranges() == [f"bytes={len(DATA) // 2}-"]


def test_data_that_a_server_calls_a_page_arrive(site: FaultServer, tmp_path: Path) -> None:
    """Where they cost no bytes of another link: from the start, and gone on with."""
    site.faults.extend([Fault("close", headers=CALLED.headers), CALLED])
    found = fetch([site.link("a.bin")], tmp_path / "a.bin", sha256=SHA256, patience=IMPATIENT)
    assert found.sha256 == SHA256
    assert site.ranges() == [None, f"bytes={len(DATA) // 2}-"]


@pytest.mark.parametrize(("name", "told"), [("a.bin", "; the link calls it a web page"), ("a.html", "")])
def test_wrong_bytes_that_a_server_calls_a_page(
    site: FaultServer, tmp_path: Path, name: str, told: str
) -> None:
    site.files["page"] = TEXT
    site.always = CALLED
    message = rf"found sha256 [0-9a-f]{{64}}, expected {SHA256}{told}; these bytes were thrown away"
    with pytest.raises(FetchError, match=message):
        fetch([site.link("page")], tmp_path / name, sha256=SHA256, patience=IMPATIENT)
    assert names(tmp_path) == []

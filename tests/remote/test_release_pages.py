"""Servers that call right bytes a web page, or serve one in the place of what they do not have."""

from collections import deque
from pathlib import Path

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.release import download_release

from .downloading import SHARD, bring
from .fault_server import Fault
from .fetching import IMPATIENT
from .release_server import ReleaseServer, files_of

CALLED_PAGE = Fault("fine", headers={"Content-Type": "text/html; charset=utf-8"})


@pytest.mark.parametrize("name", ["README.md", "gallery.png", SHARD])
def test_bytes_of_a_known_sha256(served: ReleaseServer, release: Path, tmp_path: Path, name: str) -> None:
    served.faulty[name] = deque([CALLED_PAGE] * 10)
    bring(served.address, tmp_path / "copy")
    assert files_of(tmp_path / "copy") == files_of(release)


def test_a_manifest_of_a_known_id(served: ReleaseServer, release: Path, tmp_path: Path) -> None:
    served.faulty["manifest.json"] = deque([CALLED_PAGE] * 10)
    with pytest.raises(FetchError, match=r"manifest\.json: cannot be fetched from .*: the link served a web"):
        bring(served.address, tmp_path / "copy")
    known = bring(release, tmp_path / "local").dataset_id
    assert bring(served.address, tmp_path / "copy", known).dataset_id == known


def test_readmes_in_html(served: ReleaseServer, tmp_path: Path) -> None:
    """Bytes decide, not what they look like; others than those listed are told as a page."""
    served.faulty["README.md"] = deque([Fault("bare html")] * 10)
    with pytest.raises(
        FetchError, match=r"README\.md: cannot be fetched from .*: the link served a web page"
    ):
        bring(served.address, tmp_path / "copy")


@pytest.mark.parametrize("kind", ["html", "bare html"])
def test_a_page_in_the_place_of_the_list(
    served: ReleaseServer, release: Path, tmp_path: Path, kind: str
) -> None:
    """Hosts of pages answer 200 and their front page for whatever they do not have."""
    served.faulty["SHA256SUMS.release"] = deque([Fault(kind)] * 10)
    done = download_release(served.address, tmp_path / "copy", patience=IMPATIENT)
    assert not done.released
    found, whole = files_of(tmp_path / "copy"), files_of(release)
    assert found == {name: whole[name] for name in found}
    assert "README.md" not in found
    assert {"manifest.json", "job.json", "SHA256SUMS"} < found.keys()

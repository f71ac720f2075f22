"""Datasets on the Hugging Face Hub: listed at one commit by its library, fetched and proven by ours."""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FetchError
from neuralviews.remote.fetch import fetch
from neuralviews.remote.links import resolve

from .fault_server import Fault, FaultServer
from .fetching import DATA, IMPATIENT, SHA256

COMMIT = "c" * 40
LISTED = [
    {"type": "directory", "path": "set", "oid": "2" * 40},
    {"type": "file", "path": "set/b.h5", "size": len(DATA), "oid": "1" * 40},
    {"type": "file", "path": "set/a.json", "size": 3, "oid": "1" * 40},
    {"type": "file", "path": "README.md", "size": 3, "oid": "1" * 40},
]
LISTED[1]["lfs"] = {"oid": SHA256, "size": len(DATA), "pointerSize": 130}


@pytest.fixture
def hub(site: FaultServer, monkeypatch: pytest.MonkeyPatch) -> FaultServer:
    """A server that speaks for the Hub, with the dataset ``owner/name``."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    about = json.dumps({"id": "owner/name", "sha": COMMIT}).encode()
    site.files["api/datasets/owner/name"] = site.files["api/datasets/owner/name/revision/v%2F1"] = about
    tree = f"api/datasets/owner/name/tree/{COMMIT}?recursive=true&expand=false"
    site.files[tree] = json.dumps(LISTED).encode()
    site.files[f"datasets/owner/name/resolve/{COMMIT}/set/b.h5"] = DATA
    return site


def found(hub: FaultServer, link: str) -> Any:
    return resolve(link, hub=hub.link("")[:-1])


def test_a_dataset_is_listed_with_what_the_hub_states(hub: FaultServer, tmp_path: Path) -> None:
    files = found(hub, "hf://owner/name")
    assert [file.name for file in files] == ["README.md", "set/a.json", "set/b.h5"]
    assert [(file.size, file.sha256) for file in files] == [(3, None), (3, None), (len(DATA), SHA256)]
    large = files[2]
    assert large.links == (hub.link(f"datasets/owner/name/resolve/{COMMIT}/set/b.h5"),)
    hub.faults.append(Fault("close"))
    fetched = fetch(
        large.links, tmp_path / "b.h5", sha256=large.sha256, headers=large.headers, patience=IMPATIENT
    )
    assert fetched.pinned
    assert fetched.sha256 == sha256(DATA).hexdigest()
    assert {headers.get("authorization") for _, headers in hub.requests} == {"Bearer hf_secret"}


@pytest.mark.parametrize(
    ("link", "names"),
    [
        ("hf://datasets/owner/name", ["README.md", "set/a.json", "set/b.h5"]),
        ("hf://owner/name@v%2F1/set", ["a.json", "b.h5"]),
        ("hf://owner/name/set/", ["a.json", "b.h5"]),
        ("hf://owner/name/set/b.h5", ["b.h5"]),
    ],
)
def test_revisions_folders_and_files(hub: FaultServer, link: str, names: list[str]) -> None:
    assert [file.name for file in found(hub, link)] == names


def test_without_a_token_there_is_no_header(hub: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: None)
    assert found(hub, "hf://owner/name/README.md")[0].headers == {}


def test_what_is_not_there(hub: FaultServer) -> None:
    with pytest.raises(FetchError, match=r"hf://owner/name/se: found no such file or folder, among 3 files"):
        found(hub, "hf://owner/name/se")
    message = r"hf://owner/none: the Hugging Face Hub does not show it \(.*404.*\); check the name, the net"
    with pytest.raises(FetchError, match=message) as caught:
        found(hub, "hf://owner/none")
    assert "\n" not in str(caught.value)
    with pytest.raises(FetchError, match="hf://owner: no link to a dataset, expected hf://owner/name"):
        found(hub, "hf://owner")


def test_names_that_lead_out_are_refused(hub: FaultServer) -> None:
    tree = f"api/datasets/owner/name/tree/{COMMIT}?recursive=true&expand=false"
    hub.files[tree] = json.dumps([{**LISTED[3], "path": "../x"}]).encode()
    with pytest.raises(FetchError, match=r"found the name '\.\./x', expected a relative path of a file"):
        found(hub, "hf://owner/name")


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FetchError, match=r"huggingface_hub, which .*: pip install 'neuralviews\[hub\]'"):
        resolve("hf://owner/name")

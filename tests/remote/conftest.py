"""Servers that can misbehave, and the stores, releases and sets that tests have them serve or write about."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from neuralviews.exchange.export import export
from neuralviews.exchange.note import NOTE
from neuralviews.remote import obtain
from neuralviews.remote import publish as publish_module
from neuralviews.remote.facts import ReleaseFacts, release_facts
from neuralviews.remote.publish import publish
from neuralviews.remote.published import Published, find_published
from neuralviews.remote.published_schema import Link
from neuralviews.store.environment import describe_environment, write_environment
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store
from .fault_server import FaultServer
from .fetching import DATA
from .obtaining import FILE, Describe
from .release_server import ReleaseServer
from .releases import STATED, shipped_store


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serves `DATA` as ``a.bin``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with FaultServer({"a.bin": DATA}) as server:
        yield server


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 fields of 40 digits in 3 shards; tests must not change it."""
    return make_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of such a store, with a note of its machine; tests must not change it."""
    folder = tmp_path_factory.mktemp("download")
    made = make_store(folder / "store")
    write_environment(made.root, describe_environment())
    return publish(made.root, folder / "release", STATED).root


@pytest.fixture
def served(release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseServer]:
    """Serves this release below ``/release``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with ReleaseServer(release) as server:
        yield server


@pytest.fixture
def without_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time, and how a picture looks is tested elsewhere."""
    monkeypatch.setattr(publish_module, "_picture", lambda *_: (b"picture", []))


@pytest.fixture(scope="session")
def shipped_digits(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """8 fields of the recipe ``digits`` that comes along; tests must not change it."""
    return shipped_store(tmp_path_factory.mktemp("card") / "store")


@pytest.fixture(scope="session")
def facts(shipped_digits: Store) -> ReleaseFacts:
    return release_facts(shipped_digits)


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """12 fields of files whose quality nobody states; tests must not change it."""
    return make_imported(tmp_path_factory.mktemp("card") / "imported")


@pytest.fixture(scope="session")
def imported_facts(imported: Store) -> ReleaseFacts:
    return release_facts(imported)


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """12 fields of one view each, for a set to be made of."""
    return make_store(tmp_path_factory.mktemp("fields") / "store", digits_recipe(views=1), 12)


@pytest.fixture(scope="session")
def archive(fields: Store, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Fields as DWSNets publishes them: without the note of ours that says how to render them."""
    folder = tmp_path_factory.mktemp("archive")
    export(fields, np.arange(len(fields)), "dwsnets", folder / "noted.zip")
    with (
        zipfile.ZipFile(folder / "noted.zip") as noted,
        zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_STORED) as plain,
    ):
        for name in noted.namelist():
            if not name.endswith(NOTE):
                plain.writestr(noted.getinfo(name), noted.read(name))
    return (folder / FILE).read_bytes()


@pytest.fixture
def web(archive: bytes, site: FaultServer) -> FaultServer:
    """Has this archive, too, as `FILE`."""
    site.files[FILE] = archive
    return site


@pytest.fixture
def describe(web: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Describe:
    """Have the registry hold ``mnist-dwsnets`` as it is but for a link to this machine, and other facts."""

    def change(**facts: Any) -> Published:
        local = (Link(url=web.link(FILE), kind="file"),)
        entry = replace(find_published("mnist-dwsnets"), **{"links": local, **facts})
        monkeypatch.setattr(obtain, "find_published", lambda name: entry)
        return entry

    return change

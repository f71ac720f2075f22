"""A web server that can misbehave, for every test that asks for one."""

from collections.abc import Iterator

import pytest

from .fault_server import FaultServer
from .fetching import DATA


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serves `DATA` as ``a.bin``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with FaultServer({"a.bin": DATA}) as server:
        yield server

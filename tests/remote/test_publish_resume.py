"""Publishing that ends at any of its calls, by a kill or a full disk: whole or resumable."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import (
    OutputError,
)
from neuralviews.remote.publish import publish
from neuralviews.store.reader import open_store

from ..made_stores import contents, digits_recipe, make_store

CALLS = ("open", "write", "fsync", "link", "rename", "unlink", "mkdir")


class Fault:
    """Lets calls that change the disk through until one of them, by its number, does not come back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        self.error = error
        self.seen = 0
        self.fail_at: int | None = None
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **kwargs)
            self.seen += 1
            if self.fail_at == self.seen - 1:
                if name == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                raise self.error
            return call(*args, **kwargs)

        return wrapped


@pytest.fixture
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fault]:
    yield Fault(monkeypatch, request.param)
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("fault", "links"),
    [(KeyboardInterrupt(), True), (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), False)],
    indirect=["fault"],
    ids=["killed while linking", "disk full while copying"],
)
def test_an_interruption_at_any_point_is_resumed(
    tmp_path: Path, without_picture: None, monkeypatch: pytest.MonkeyPatch, fault: Fault, links: bool
) -> None:
    recipe = digits_recipe(field={"dims": [2, 3, 1]}, store={"rows_per_shard": 8})
    store = make_store(tmp_path / "store", recipe, objects=4)
    if not links:
        wrapped = os.link

        def refuse(source: Any, target: Any, **options: Any) -> None:
            if Path(source).is_relative_to(store.root):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            wrapped(source, target, **options)

        monkeypatch.setattr(os, "link", refuse)
    fault.seen = 0
    publish(store.root, tmp_path / "whole")
    calls, whole = fault.seen, contents(tmp_path / "whole")
    assert calls > 50
    for number in range(calls):
        out = tmp_path / f"out{number}"
        fault.seen, fault.fail_at = 0, number
        try:
            publish(store.root, out)
        except (KeyboardInterrupt, OutputError):
            pass
        else:
            assert contents(out) == whole  # what was refused was the removal of a temporary file
        fault.fail_at = None
        if (out / "manifest.json").exists():  # from then on readers take it for a store
            assert {*contents(out), "SHA256SUMS.release"} >= {*whole}
        if (out / "SHA256SUMS.release").exists():
            assert contents(out).items() >= whole.items()
        assert publish(store.root, out).dataset_id == store.dataset_id
        assert contents(out) == whole, number
    assert open_store(out).dataset_id == store.dataset_id

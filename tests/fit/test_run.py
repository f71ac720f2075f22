"""Runs: the same bytes whatever the way, resumption, parts, and clear refusals."""

import hashlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import EngineError, IntegrityError, OptionError, OutputError, SourceError
from neuralviews.fit.reproduce import open_store_source, regenerate, remeasure, spread_rows
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import Recipe
from neuralviews.records import Status
from neuralviews.signals.digits import DigitImages
from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify

from ..loky_workers import workers_of
from ..made_stores import contents

MakeRecipe = Callable[..., Recipe]
LIMIT = 100


def fields(root: Path) -> str:
    records = open_store(root).read(np.arange(3 * LIMIT))
    digest = hashlib.sha256(records.weights.tobytes())
    for name in sorted(records.columns):
        digest.update(records.columns[name].tobytes())
    return digest.hexdigest()


def test_a_run_makes_a_store_that_verifies(tiny: MakeRecipe, tmp_path: Path) -> None:
    report = generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    store = open_store(tmp_path / "store")
    assert (report.fitted, report.missing, report.dataset_id) == (3 * LIMIT, 0, store.dataset_id)
    assert verify(tmp_path / "store", "semantic").checks
    source = open_store_source(store, None)
    assert remeasure(store, source, spread_rows(len(store), 50)).largest_difference < 0.01
    assert regenerate(store, source, spread_rows(len(store), 9)) == 9


def test_bytes_do_not_depend_on_workers_or_interruption(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny()
    generate(recipe, tmp_path / "one", RunOptions(limit=LIMIT))
    generate(recipe, tmp_path / "two", RunOptions(limit=LIMIT, workers=2))
    generate(recipe, tmp_path / "again", RunOptions(limit=LIMIT))
    removed = tmp_path / "again" / "shards" / "shard-000002.h5"
    for path in (
        removed,
        Path(f"{removed}.json"),
        tmp_path / "again/manifest.json",
        tmp_path / "again/SHA256SUMS",
    ):
        path.unlink()
    report = generate(recipe, tmp_path / "again", RunOptions(limit=LIMIT))
    assert report.fitted == 64
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "again")


def test_fields_do_not_depend_on_the_size_of_shards(tiny: MakeRecipe, tmp_path: Path) -> None:
    generate(tiny(), tmp_path / "default", RunOptions(limit=LIMIT))
    for rows in (7, 1000):
        recipe = tiny(fit=f"[store]\nrows_per_shard = {rows}")
        generate(recipe, tmp_path / str(rows), RunOptions(limit=LIMIT))
        assert fields(tmp_path / str(rows)) == fields(tmp_path / "default")


def test_parts_together_make_the_whole(tiny: MakeRecipe, tmp_path: Path) -> None:
    recipe = tiny()
    generate(recipe, tmp_path / "whole", RunOptions(limit=LIMIT))
    reports = [generate(recipe, tmp_path / "parts", RunOptions(limit=LIMIT, part=(i, 3))) for i in (1, 2, 0)]
    assert [report.missing for report in reports] == [3, 2, 0]
    assert sum(report.fitted for report in reports) == 3 * LIMIT
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_a_finished_store_is_left_as_it_is(tiny: MakeRecipe, tmp_path: Path) -> None:
    first = generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("*.h5")}
    second = generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    assert second.fitted == 0
    assert second.dataset_id == first.dataset_id
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("*.h5")}


def test_another_job_is_refused(tiny: MakeRecipe, tmp_path: Path) -> None:
    generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    with pytest.raises(OutputError, match=r"limit|objects|rows"):
        generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT + 1))
    with pytest.raises(OutputError, match=r"recipe"):
        generate(tiny(fit="target_psnr = 30.0"), tmp_path / "store", RunOptions(limit=LIMIT))


def test_a_target_stops_fields_and_says_so(tiny: MakeRecipe, tmp_path: Path) -> None:
    generate(tiny(fit="target_psnr = 14.0"), tmp_path / "store", RunOptions(limit=LIMIT))
    store = open_store(tmp_path / "store")
    converged = store.column("status") == Status.converged
    assert converged.any()
    assert (store.column("psnr")[converged] >= 14.0).all()
    assert (store.column("steps")[converged] < 40).any()
    assert (store.column("psnr")[~converged] < 14.0).all()


def test_remeasuring_finds_weights_of_another_object(tiny: MakeRecipe, tmp_path: Path) -> None:
    generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    store = open_store(tmp_path / "store")
    source = open_store_source(store, None)

    class Shifted:
        def __getattr__(self, name: str) -> object:
            return getattr(source, name)

        def signal(self, index: int) -> object:
            return source.signal(index + 1)

    with pytest.raises(IntegrityError, match=r"record 0 renders at .* dB, but states .* dB"):
        remeasure(store, Shifted(), np.arange(5))  # type: ignore[arg-type]


def test_another_source_is_refused(tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tiny(), tmp_path / "store", RunOptions(limit=LIMIT))
    store = open_store(tmp_path / "store")
    (name,) = store.job["source"]["files"]
    changed = json.loads(json.dumps(dict(store.job)))
    changed["source"]["files"][name] = "0" * 64
    monkeypatch.setattr(type(store), "job", property(lambda self: changed), raising=False)
    with pytest.raises(SourceError, match=rf"source file {name}: found sha256 [0-9a-f]+, expected 0+"):
        open_store_source(store, None)


def test_spread_rows_takes_both_ends() -> None:
    assert spread_rows(10, 20).tolist() == list(range(10))
    assert spread_rows(101, 3).tolist() == [0, 50, 100]


def test_sources_that_change_during_a_run_are_noticed(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = itertools.count()
    original = DigitImages.hash_files
    monkeypatch.setattr(
        DigitImages, "hash_files", lambda self: {name: f"{next(opened):064}" for name in original(self)}
    )
    with pytest.raises(SourceError, match=r"source files changed during the run.*remove the folder"):
        generate(tiny(), tmp_path / "store", RunOptions(limit=9))
    assert not (tmp_path / "store" / "manifest.json").exists()


def test_regeneration_needs_the_generator_that_made_the_store(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tiny(), tmp_path / "store", RunOptions(limit=9))
    store = open_store(tmp_path / "store")
    monkeypatch.setattr("neuralviews.fit.reproduce.GENERATOR", 2)
    with pytest.raises(EngineError, match=r"made by generator 1, this neuralviews has 2"):
        regenerate(store, open_store_source(store, None), np.arange(3))


def test_a_killed_worker_is_replaced(tiny: MakeRecipe, tmp_path: Path) -> None:
    calm = generate(tiny(), tmp_path / "calm", RunOptions(limit=LIMIT))
    recipe = tiny(fit="[store]\nrows_per_shard = 10")

    def kill_one() -> None:
        while not list((tmp_path / "store").glob("shards/*.json")):
            time.sleep(0.01)
        while True:  # a worker may leave, and another come, at any moment
            with suppress(ProcessLookupError, IndexError):
                os.kill(workers_of(os.getpid())[0], signal.SIGKILL)
                return

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    report = generate(recipe, tmp_path / "store", RunOptions(limit=LIMIT, workers=2))
    killer.join()
    assert report.fitted == calm.fitted == 3 * LIMIT
    assert fields(tmp_path / "store") == fields(tmp_path / "calm")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers: found 0, expected at least 1"),
        ({"limit": 0}, "limit: found 0, expected at least 1"),
        ({"part": (1, 1)}, r"part: found \(1, 1\), expected \(i, n\) with 0 <= i < n: parts count from 0"),
        ({"part": (3, 2)}, r"part: found \(3, 2\)"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RunOptions(**options)


def test_names_and_paths_will_do(tmp_path: Path) -> None:
    report = generate("digits", str(tmp_path / "store"), RunOptions(limit=2))
    assert report.dataset_id == open_store(str(tmp_path / "store")).dataset_id


def test_a_finished_store_needs_no_place_to_write_and_keeps_what_made_it(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = generate(tiny(), tmp_path / "store", RunOptions(limit=9))
    (tmp_path / "store" / "environment.json").write_text("another machine")
    before = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "store").rglob("*"))}

    def refuse(*_: object) -> None:
        raise OutputError("read-only")

    monkeypatch.setattr("neuralviews.fit.run.check_space", refuse)
    again = generate(tiny(), tmp_path / "store", RunOptions(limit=9))
    assert (again.fitted, again.missing, again.dataset_id) == (0, 0, made.dataset_id)
    assert before == {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "store").rglob("*"))}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
def test_a_disk_that_is_full_at_the_start_is_an_error_not_a_crash(
    tiny: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def full(self: Path, mode: str = "r", *options: Any, **more: Any) -> Any:
        progress = "progress" in self.name and mode.startswith("x")
        return original(Path("/dev/full"), "rb+") if progress else original(self, mode, *options, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match="No space left on device"):
        generate(tiny(), tmp_path / "store", RunOptions(limit=9))

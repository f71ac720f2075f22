"""The bar says how long the run took, what this run made in that time, and the median PSNR."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tqdm

from neuralviews.store.files import remove_leftovers
from neuralviews.work.progress import ProgressBar, ProgressCounter


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every bar that is drawn."""
    drawn: list[Any] = []

    class Recorded(tqdm.tqdm):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            drawn.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Recorded)
    return drawn


def draw(root: Path, *shards: list[float], done: int = 0, adopted: int = 0, unit: str = "fields") -> float:
    """A run that makes records of these PSNRs; when it made the first."""
    total = done + adopted + sum(map(len, shards))
    bar = ProgressBar(root, len(shards), total, done, title="made", unit=unit, shown=True)
    with bar:
        time.sleep(0.05)
        first = time.time()
        bar.adopt(adopted)
        for shard, psnr in enumerate(shards):
            counter = ProgressCounter(bar.path, len(shards), shard)
            for value in psnr:
                counter.add(np.array([value], np.float32))
    assert not list(root.iterdir())
    return first


def test_the_time_is_that_of_the_whole_run(tmp_path: Path, bars: list[Any]) -> None:
    began = time.time()
    first = draw(tmp_path, [30.0, 31.0])
    assert began <= bars[0].start_t < first


def test_the_rate_is_of_what_this_run_made(tmp_path: Path, bars: list[Any]) -> None:
    draw(tmp_path, [30.0] * 3, [31.0] * 2, done=7, adopted=4)
    assert (bars[0].n, bars[0].total, bars[0].initial) == (16, 16, 11)


@pytest.mark.parametrize(
    ("psnr", "text"),
    [
        ([10.2, 40.7, 999.0], "median 40 dB"),
        ([-8.0, 5.0, -1.0], "median 0 dB"),
        ([999.0, 999.0, 20.0], "median ∞ dB"),
        ([np.nan, 12.0, np.nan], "median 12 dB"),
        ([np.nan, 999.0, np.nan], "median ∞ dB"),
    ],
)
def test_one_record_without_error_does_not_move_the_median(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], psnr: list[float], text: str
) -> None:
    draw(tmp_path, psnr[:1], psnr[1:], unit="copies")
    last = capfd.readouterr().err.splitlines()[-1]
    assert "3/3 [" in last
    assert " copies/s" in last
    assert last.endswith(f"{text}]")


def test_of_what_is_not_known_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path, [np.nan], [np.nan, np.nan])
    err = capfd.readouterr().err
    assert "3/3 [" in err
    assert "median" not in err


def test_nothing_made_is_nothing_said_of_its_quality(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path, [], done=2)
    assert "dB" not in capfd.readouterr().err


def test_another_run_that_finishes_the_store_meanwhile_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    memmap = np.memmap

    def tidied(*arguments: Any, **options: Any) -> Any:
        remove_leftovers(tmp_path)
        return memmap(*arguments, **options)

    monkeypatch.setattr(np, "memmap", tidied)
    counter = ProgressCounter(None, 2, 1)
    counter.add(np.array([20.0, 21.0], np.float32))
    with ProgressBar(tmp_path, 2, 3, 0, title="made", unit="fields", shown=True) as bar:
        assert not [*tmp_path.iterdir()]
        ProgressCounter(bar.path, 2, 0).add(np.array([30.0], np.float32))  # which nobody sees
        bar.add(1, counter.row)
    assert "2/3 [" in capfd.readouterr().err

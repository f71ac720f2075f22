"""Every file is looked at before anything is written, by one process or by several."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SourceError
from neuralviews.exchange.opened import Opened, Place, open_place
from neuralviews.exchange.survey import rows_kept, survey
from neuralviews.store.canonical import sha256_hex
from neuralviews.work.shards import Sharing

from .by_hand import made_layers, sequential, write
from .published_sets import DIMS


def field(number: int, view: int = 0, label: Any = 3, dims: tuple[int, ...] = DIMS) -> dict[str, Any]:
    layers = made_layers(dims, 10 * number + view)
    return {
        f"{view}/train/model_{number}.pth": sequential(layers, **({} if label is None else {"label": label}))
    }


def opened(path: Path) -> Opened:
    return open_place(Place(path, "multiview", run=str(path)))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.exchange.survey._CHUNK", 3)


@pytest.mark.usefixtures("few")
def test_what_it_finds(tmp_path: Path) -> None:
    files = {name: value for number in range(10) for name, value in field(number, label=number).items()}
    found = opened(write(tmp_path / "set", files))
    result = survey(found, Sharing(), keep_going=False)
    assert (result.dims, result.left_out, result.details) == (DIMS, {}, {})
    assert result.label.tolist() == list(range(10))
    lines = [f"{sha256_hex((tmp_path / 'set' / name).read_bytes())}  {name}\n" for name in sorted(files)]
    assert result.sha256 == sha256_hex("".join(lines).encode())
    assert rows_kept(found, []).tolist() == list(range(10))
    assert rows_kept(found, ["0/train/model_3.pth", "elsewhere"]).tolist() == [0, 1, 2, *range(4, 10)]


def test_several_workers_find_the_same(tmp_path: Path) -> None:
    files = {name: value for number in range(6) for name, value in field(number, label=number).items()}
    path = write(tmp_path / "set", {**files, "0/train/model_9.pth": b"no pickle"})
    one, two = (survey(opened(path), Sharing(workers), keep_going=True) for workers in (1, 2))
    np.testing.assert_array_equal(one.label, two.label)
    assert (one.dims, one.sha256, one.left_out) == (two.dims, two.sha256, two.left_out)
    assert one.left_out == {"0/train/model_9.pth": "it cannot be read"}
    assert one.details == two.details


@pytest.mark.usefixtures("few")
def test_the_first_of_each_shape_is_named(tmp_path: Path) -> None:
    files = {**field(0), **field(1), **field(5, dims=(2, 4, 1)), **field(6, dims=(2, 4, 1))}
    message = (
        r"set.*: found files 2 of 2-6-6-1 \(0/train/model_0\.pth, \.\.\.\), "
        r"2 of 2-4-1 \(0/train/model_5\.pth, \.\.\.\), expected one shape of network: import them apart"
    )
    with pytest.raises(SourceError, match=message):
        survey(opened(write(tmp_path / "set", files)), Sharing(), keep_going=True)


@pytest.mark.usefixtures("few")
def test_views_in_different_chunks_are_compared(tmp_path: Path) -> None:
    files = {name: value for view in range(5) for name, value in field(2, view, 3 + view // 4).items()}
    message = r"4/train/model_2\.pth: found label 4 of object 2, another view of it has 3, expected one label"
    with pytest.raises(SourceError, match=message):
        survey(opened(write(tmp_path / "set", files)), Sharing(), keep_going=True)


def test_a_file_that_is_left_out_has_no_say_in_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "set", {**field(0, 0, 1), **field(0, 1, 1), **field(1, 0, 2)})
    write(path, {"1/train/model_0.pth": b"no pickle"})
    found = opened(path)
    result = survey(found, Sharing(), keep_going=True)
    kept = rows_kept(found, result.left_out)
    assert kept.tolist() == [0, 2]
    assert result.label[kept].tolist() == [1, 2]


def test_a_bad_file_ends_it(tmp_path: Path) -> None:
    path = write(tmp_path / "set", {**field(0), "0/train/model_9.pth": b"no pickle"})
    with pytest.raises(SourceError, match=r"0/train/model_9\.pth: "):
        survey(opened(path), Sharing(), keep_going=False)
    with pytest.raises(SourceError, match=r"; --keep-going leaves such files out$"):
        survey(opened(path), Sharing(), keep_going=False)


@pytest.mark.usefixtures("few")
def test_files_of_another_shape_than_most(tmp_path: Path) -> None:
    """They have no say in labels either."""
    odd = field(0, view=1, label=8, dims=(2, 4, 1))
    sound = {name: value for number in range(5) for name, value in field(number, label=number).items()}
    found = opened(write(tmp_path / "set", {**sound, **odd, **field(7, dims=(2, 5, 1))}))
    message = (
        r"set.*: found files 5 of 2-6-6-1 \(0/train/model_0\.pth, \.\.\.\), 1 of 2-4-1 "
        r"\(1/train/model_0\.pth\), 1 of 2-5-1 \(0/train/model_7\.pth\), expected one shape of network: "
        r"--keep-going takes those of 2-6-6-1 alone$"
    )
    with pytest.raises(SourceError, match=message):
        survey(found, Sharing(), keep_going=False)
    result = survey(found, Sharing(), keep_going=True)
    assert result.left_out == {
        "0/train/model_7.pth": "its network is 2-5-1, that of most files 2-6-6-1",
        "1/train/model_0.pth": "its network is 2-4-1, that of most files 2-6-6-1",
    }
    assert (result.dims, result.details) == (DIMS, {})
    kept = rows_kept(found, result.left_out)
    assert result.label[kept].tolist() == list(range(5))


@pytest.mark.usefixtures("few")
def test_the_bar_counts_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: value for number in range(7) for name, value in field(number).items()}
    survey(opened(write(tmp_path / "set", files)), Sharing(progress=True), keep_going=False)
    told = capsys.readouterr().err
    assert "looking:   0%" in told
    assert "| 7/7 [" in told
    assert " files/s]" in told

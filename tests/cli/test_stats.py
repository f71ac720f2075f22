"""``stats``: what it prints is what was measured, and what it keeps is what training reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neuralviews.errors import OutputError
from neuralviews.statistics.diversity import diversity
from neuralviews.statistics.moments import STATISTICS_FILE, Statistics, tensors
from neuralviews.store.reader import open_store

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store, photo_recipe

Run = Callable[..., tuple[int, str, str]]


def cells(out: str, first: str) -> list[str]:
    """The cells of the line that begins with ``first``."""
    return next(line for line in out.splitlines() if line.startswith(f"{first} ")).removeprefix(first).split()


def test_it_prints_what_was_measured_and_keeps_it(run: Run, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", diverged=(0, 4))
    code, out, err = run("stats", store.root, "--pairs", 20)
    assert (code, err) == (0, "")
    kept, apart = Statistics.load(store), diversity(store, pairs=20)
    assert f"store: weights of {kept.records} training records\n" in out
    for place, (name, part) in enumerate(tensors(store.spec)):
        mean, std = kept.tensor_mean[place], kept.tensor_std[place]
        assert cells(out, name) == [str(part.stop - part.start), f"{mean:.4g}", f"{std:.4g}"]
    for name, distance in (
        ("views of one object", apart.views),
        ("objects of one class", apart.same_class),
        ("objects of two classes", apart.other_class),
    ):
        assert distance is not None
        assert cells(out, name) == ["20", f"{distance.before:.4g}", f"{distance.after:.4g}"]
    assert apart.ratio is not None
    assert cells(out, "views / objects of two classes") == [f"{part:.3f}" for part in apart.ratio]
    assert out.endswith(f"\nkept in {store.root / STATISTICS_FILE}\n")
    assert run("stats", store.root, "--pairs", 20) == (0, out, "")


def test_without_labels_and_with_one_view(run: Run, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
    views = int(store.column("view").max()) + 1
    code, out, _ = run("stats", store.root, "--pairs", 3)
    assert code == 0
    assert cells(out, "objects of one class") == ["0"]
    assert len(cells(out, "views of one object")) == (3 if views > 1 else 1)
    assert len(cells(out, "two objects")) == 3
    assert "two classes" not in out


def test_a_folder_that_cannot_be_written_to(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OutputError("disk full")

    store = make_store(tmp_path / "store")
    monkeypatch.setattr("neuralviews.statistics.moments.publish", refuse)
    code, out, _ = run("stats", store.root, "--pairs", 3)
    assert code == 0
    assert out.endswith("\nnot kept: disk full\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere: no folder that can be read"),
        (("store", "--pairs", "0"), "Invalid value for '--pairs'"),
        (("wrong",), "statistics.json: found other numbers than the store comes to; remove the file"),
        (("empty",), "no usable record in the training split"),
    ],
)
def test_errors_are_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    make_store(tmp_path / "store")
    wrong = make_store(tmp_path / "wrong")
    (wrong.root / STATISTICS_FILE).write_text("{}\n")
    recipe = digits_recipe(split={"rule": "random", "val": 0, "test": 0}, views=1)
    make_store(tmp_path / "empty", recipe, 3, diverged=range(3))
    code, out, err = run("stats", tmp_path / arguments[0], *arguments[1:])
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_damaged_shard(run: Run, tmp_path: Path) -> None:
    shard = make_store(tmp_path / "store").root / "shards" / "shard-000001.h5"
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    code, _, err = run("stats", tmp_path / "store")
    assert code == 2
    assert "shard-000001.h5" in err
    assert not (open_store(tmp_path / "store").root / STATISTICS_FILE).exists()


def test_verification_works_them_out_again(run: Run, tmp_path: Path) -> None:
    """No checksum covers the file, and training believes it."""
    store = make_imported(tmp_path / "store")
    line = "statistics.json is what the records come to"
    assert line not in run("verify", store.root, "--level", "semantic")[1]
    kept = Statistics.of(store)
    kept.save(store.root)
    assert f"ok       {line}\n" in run("verify", store.root, "--level", "semantic")[1]
    assert line not in run("verify", store.root)[1], "a cheap level"
    for change in ({"mean": kept.mean + 1}, {"tensor_std": 2 * kept.tensor_std}, {"records": 1}):
        (store.root / STATISTICS_FILE).unlink()
        replace(kept, **change).save(store.root)
        for level in ("semantic", "regenerate"):
            code, out, err = run("verify", store.root, "--level", level)
            assert (code, out) == (2, "")
            assert err == (
                f"error: {store.root / STATISTICS_FILE}: found other numbers than the store comes to; remove "
                "the file, it is made again when needed\n"
            )

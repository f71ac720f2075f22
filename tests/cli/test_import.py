"""``import``: what it found out, and one line for whatever cannot be imported."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.exchange.export import export
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import recipe_from_canonical
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..exchange.by_hand import made_layers, sequential, write
from ..exchange.imported_stores import make_imported
from ..exchange.published_sets import DIMS, edited_note, mnist, packed, published
from ..made_stores import contents

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    recipe = recipe_from_canonical(
        {
            "name": "fitted",
            "views": 2,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 16, 16, 1], "output_offset": 0.5},
            "fit": {"steps": 60, "lr": 3e-3},
            "split": {"rule": "random", "val": 400, "test": 500},
        }
    )
    root = tmp_path_factory.mktemp("import") / "store"
    generate(recipe, root, RunOptions(limit=12))
    return open_store(root)


@pytest.fixture(scope="module")
def folder(fitted: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "multiview"
    export(fitted, np.arange(len(fitted)), "multiview", out)
    return out


def test_a_folder(run: Run, folder: Path, fitted: Store, tmp_path: Path) -> None:
    out = tmp_path / "store"
    code, text, err = run("import", folder, "--out", out, "--from", "multiview", "--workers", 1)
    store = open_store(out)
    first, *rest = text.splitlines()
    assert code == 0
    assert first.startswith("format multiview: found multiview/0/")
    assert rest == [
        f"{out}: complete, 24 fields imported now",
        f"dataset id {store.dataset_id}",
    ]
    assert "error" not in err
    np.testing.assert_array_equal(store.weights(range(24)), fitted.weights(range(24)))
    again = run("import", folder, "--out", out, "--from", "multiview", "--workers", 1)
    assert again[0] == 0
    assert f"{out}: complete, 0 fields imported now" in again[1]


def test_a_source_says_that_all_is_as_stated(run: Run, folder: Path, tmp_path: Path) -> None:
    code, text, _ = run(
        "import",
        folder,
        "--out",
        tmp_path / "store",
        "--from",
        "multiview",
        "--source",
        "digits",
        "--workers",
        1,
    )
    assert code == 0
    lines = text.splitlines()
    assert lines[1].startswith("conventions as stated: axis order xy, output offset 0.5, targets [0, 1]: ")
    assert [line[:8] for line in lines[2:5]] == ["  tried "] * 3


def test_a_source_says_that_something_is_not_as_stated(run: Run, folder: Path, tmp_path: Path) -> None:
    note = json.loads(next(folder.rglob("neuralviews.json")).read_bytes())
    path = edited_note(
        folder, tmp_path / "edited", arch={**note["arch"], "axis_order": "ij", "output_offset": 0.0}
    )
    given = ("import", path, "--from", "multiview", "--source", "digits", "--workers", 1)
    code, text, _ = run(*given, "--out", tmp_path / "store")
    assert code == 0
    lines = text.splitlines()
    assert lines[1].startswith("conventions: axis order xy, output offset 0.5, targets [0, 1]: ")
    assert lines[2] == "  found by comparison with the source, other than stated: axis_order, output_offset"
    assert lines[3].startswith("  tried axis order ")
    code, out, err = run(*given, "--out", tmp_path / "given", "--axis-order", "ij")
    assert (code, out) == (2, "")
    assert "but axis order xy, output offset 0.5, targets [0, 1]" in err
    assert not (tmp_path / "given").exists()


def test_conventions_are_given(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "set", published())
    code, _, _ = run(
        *("import", path, "--out", tmp_path / "store", "--from", "dwsnets", "--name", "mine", "--workers", 1),
        *("--omega", 20, "--axis-order", "ij", "--output-offset", 0.25, "--output-scale", 2),
        *("--target-range", "-1,1"),
    )
    assert code == 0
    store = open_store(tmp_path / "store")
    spec = store.spec
    assert (spec.omega, spec.axis_order, spec.output_offset, spec.output_scale) == (
        (20.0, 20.0),
        "ij",
        0.25,
        2.0,
    )
    assert (store.job["name"], store.job["target"]) == ("mine", {"range": [-1.0, 1.0]})


def test_what_is_left_out_is_listed(run: Run, tmp_path: Path) -> None:
    files = {mnist("training", 1, number): sequential(made_layers(DIMS, number)) for number in range(14)}
    bad = {mnist("training", 1, number): b"no pickle" for number in range(2, 14)}
    path = write(tmp_path / "set", {**files, **bad})
    given = ("import", path, "--out", tmp_path / "store", "--from", "dwsnets", "--workers", 1)
    code, out, err = run(*given)
    assert (code, out) == (2, "")
    assert err.count("error: ") == 1
    assert err.endswith("; --keep-going leaves such files out\n")
    code, out, _ = run(*given, "--keep-going")
    assert code == 0
    lines = [line for line in out.splitlines() if line.startswith("left out ")]
    assert len(lines) == 10
    assert lines[0].startswith(f"left out {mnist('training', 1, 10)}: no pickle that can be read (")
    assert "\nand 2 more; `neuralviews info --json` lists all\n" in out
    assert len(open_store(tmp_path / "store")) == 2
    assert len(json.loads(run("info", tmp_path / "store", "--json")[1])["source"]["left_out"]) == 12


def test_parts(run: Run, tmp_path: Path) -> None:
    make_imported(tmp_path / "made", objects=range(30))
    export(open_store(tmp_path / "made"), np.arange(30), "multiview", tmp_path / "multiview")
    out = tmp_path / "store"
    given = ("import", tmp_path / "multiview", "--out", out, "--from", "multiview", "--workers", 1)
    code, text, _ = run(*given, "--shards", "1/2")
    assert code == 0
    assert text.endswith(f"\n{out}: 0 fields imported; 1 shard is left to other parts\n")
    code, text, _ = run(*given, "--shards", "0/2")
    assert code == 0
    assert "30 fields imported now" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nowhere"],
            "nowhere: cannot be read (No such file or directory); expected a folder, a zip archive or",
        ),
        (
            ["empty", "--from", "dwsnets"],
            "found no files, looked for dwsnets: mnist_png_training_<label>_<id>/",
        ),
        (["page.zip"], "page.zip: the link served a web page, not data; expected a folder, a zip archive"),
        (["set", "--from", "dwsnet"], "format: found 'dwsnet'; did you mean 'dwsnets'?"),
        (["set", "--from", "numbers"], "format: found 'numbers'; expected auto or one of dwsnets, "),
        (
            ["set", "--from", "dwsnets", "--name", "A b"],
            "name: found 'A b', expected 1 to 64 of a-z, 0-9 and '-'",
        ),
        (["set", "--from", "dwsnets", "--omega", "-1"], "omega: found -1.0, expected a positive number"),
        (["set", "--target-range", "1"], "found '1', expected low,high such as -1,1"),
        (["set", "--target-range", "a,b"], "found 'a,b', expected low,high such as -1,1"),
        (
            ["set", "--from", "dwsnets", "--target-range", "1,0"],
            "target_range: found 1 to 0, expected low below",
        ),
        (
            ["set", "--from", "dwsnets", "--splits", "lists.json"],
            "lists.json: cannot be read (No such file or",
        ),
        (["set", "--from", "dwsnets", "--source", "nowhere"], "nowhere"),
        (["set", "--from", "dwsnets", "--source", "digits"], "object 60005, of which there are fields; name"),
        (["set", "--axis-order", "yx"], "'yx' is not one of"),
        (["set", "--workers", "0"], "--workers"),
        (
            ["set", "--from", "dwsnets", "--out", "full"],
            "full: holds 'notes.txt' and no job.json; choose a new or",
        ),
    ],
)
def test_errors_are_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "set", published())
    (tmp_path / "empty").mkdir()
    write(tmp_path, {"page.zip": b"<html>", "full/notes.txt": b"mine"})
    before = contents(tmp_path)
    code, out, err = run("import", "--out", "store", "--workers", 1, *arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert contents(tmp_path) == before
    assert not (tmp_path / "store").exists()


def test_an_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    """Ctrl-C ends it with the usual status and one line; the same command goes on."""
    make_imported(tmp_path / "made", objects=range(600))
    export(open_store(tmp_path / "made"), np.arange(600), "multiview", tmp_path / "multiview")
    archive = packed(tmp_path / "multiview", tmp_path / "multiview.tgz")
    command = [sys.executable, "-m", "neuralviews", "import", str(archive), "--out", str(tmp_path / "store")]
    command += ["--from", "multiview", "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not [*tmp_path.glob(".tmp-tar-*")] and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    if process.returncode:
        assert f"resume with: neuralviews import {archive} --out {tmp_path / 'store'}" in err.splitlines()[-1]
    assert [*tmp_path.glob(".tmp-*")] == []
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert verify(tmp_path / "store", "semantic").rows == 600

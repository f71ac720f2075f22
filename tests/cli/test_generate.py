"""``generate`` and ``verify`` from the command line: what they print, and one line for every bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralviews.cli.main import main
from neuralviews.store.canonical import canonical_json

RECIPE = """
name = "tiny"
title = "A few real digits"
seed = 3
views = 2
[source]
kind = "digits"
[field]
dims = [2, 16, 16, 1]
[fit]
steps = 30
lr = 1e-3
[split]
rule = "random"
val = 200
test = 300
"""
FOLDER = RECIPE.replace('kind = "digits"', 'kind = "folder"\npath = "images"').replace(
    "val = 200\ntest = 300", "val = 0"
)
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command line here; gives its exit status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder recipe beside six small grey images in two classes."""
    draw = np.random.Generator(np.random.Philox(key=1))
    for i in range(6):
        path = tmp_path / "images" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (6, 9), np.uint8)).save(path)
    path = tmp_path / "folder.toml"
    path.write_text(FOLDER)
    return path


def check_refusal(result: tuple[int, str, str], pattern: str) -> None:
    status, _, errors = result
    lines = [line for line in errors.splitlines() if line.strip() and "fields/s" not in line]
    assert status == 2, errors
    assert len(lines) == 1, errors
    assert lines[0].startswith("error: ")
    assert re.search(pattern, lines[0]), lines[0]


def test_generate_then_verify_at_every_level(call: Call, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    status, printed, _ = call("generate", recipe, "--out", out, "--limit", 40, "--workers", 1)
    assert status == 0
    assert re.search(r"complete, 80 fields fitted now\ndataset id [0-9a-f]{64}\n", printed)
    for level in ("quick", "full", "semantic", "regenerate"):
        status, printed, errors = call("verify", out, "--level", level, "--rows", 5)
        assert status == 0, errors
        assert f"{level} verification passed" in printed
    assert "5 records fitted again, every byte equal" in printed
    status, printed, _ = call("verify", out, "--level", "regenerate", "--rows", 3, "--json")
    assert json.loads(printed)["level"] == "regenerate"
    assert json.loads(printed)["skipped"] == []


def test_an_image_folder_becomes_a_store(call: Call, images: Path, tmp_path: Path) -> None:
    status, printed, errors = call("generate", images, "--out", tmp_path / "store", "--workers", 1)
    assert (status, "complete, 12 fields" in printed) == (0, True), errors
    status, printed, _ = call("verify", tmp_path / "store", "--level", "semantic")
    assert status == 0
    assert "--source-root" in printed
    status, printed, errors = call(
        "verify", tmp_path / "store", "--level", "regenerate", "--source-root", tmp_path
    )
    assert status == 0, errors


def test_views_and_parts(call: Call, recipe: Path, tmp_path: Path) -> None:
    arguments = (
        "generate",
        recipe,
        "--out",
        tmp_path / "store",
        "--limit",
        100,
        "--views",
        3,
        "--workers",
        1,
    )
    status, printed, _ = call(*arguments, "--shards", "1/2")
    assert status == 0
    assert "128 fields fitted; 3 shards are left to other parts" in printed
    status, printed, _ = call(*arguments)
    assert "complete, 172 fields fitted now" in printed


BAD_RECIPES = {
    "negative views": (("views = 2", "views = -1"), r"tiny\.toml.*views"),
    "unknown key": (("lr = 1e-3", "learning_rate = 1e-3"), r"tiny\.toml.*learning_rate"),
    "wrong type": (("lr = 1e-3", 'lr = "1e-3"'), r"tiny\.toml.*fit\.lr"),
    "impossible dims": (("[2, 16, 16, 1]", "[3, 16, 16, 1]"), r"tiny\.toml.*field\.dims"),
    "no hidden layer": (("[2, 16, 16, 1]", "[2, 1]"), r"tiny\.toml.*dims"),
    "zero width": (("[2, 16, 16, 1]", "[2, 0, 16, 1]"), r"tiny\.toml.*dims"),
    "bad TOML": (("steps = 30", "steps = = 30"), r"tiny\.toml.*TOML.*line"),
    "wrong channels": (("[2, 16, 16, 1]", "[2, 16, 16, 3]"), r"channel"),
    "impossible split": (("val = 200", "val = 2000"), r"split|val"),
}


@pytest.mark.parametrize("case", BAD_RECIPES, ids=lambda c: c.replace(" ", "-"))
def test_bad_recipes(call: Call, recipe: Path, tmp_path: Path, case: str) -> None:
    (old, new), pattern = BAD_RECIPES[case]
    recipe.write_text(RECIPE.replace(old, new))
    check_refusal(call("generate", recipe, "--out", tmp_path / "store", "--workers", 1), pattern)
    assert not (tmp_path / "store").exists()


def test_missing_recipes(call: Call, tmp_path: Path) -> None:
    check_refusal(call("generate", tmp_path / "no.toml", "--out", "s"), r"no\.toml: no such file")
    check_refusal(call("generate", "mnits", "--out", "s"), r"'mnits'.*mnist")


def test_bad_sources(call: Call, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    arguments = ("generate", images, "--out", out, "--workers", 1)
    check_refusal(call("generate", "mnist", "--out", out), r"--source-root.*--download")
    missing = ("generate", "mnist", "--out", out, "--source-root", tmp_path / "none")
    check_refusal(call(*missing), r"MNIST.*--download")
    (tmp_path / "images" / "a" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nnot an image")
    check_refusal(call(*arguments), r"a/0\.png")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "images" / "a" / "0.png")
    check_refusal(call(*arguments), r"a/0\.png.*channel")
    shutil.rmtree(tmp_path / "images")
    check_refusal(call(*arguments), r"images")
    (tmp_path / "images").mkdir()
    check_refusal(call(*arguments), r"images.*no image")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "images" / "0.png")
    images.write_text(FOLDER.replace('path = "images"', 'path = "images"\nlabels = "folders"'))
    check_refusal(call(*arguments), r"0\.png.*class folder|label")


def test_bad_stores(call: Call, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    check_refusal(call("verify", tmp_path), r"holds no store; expected a folder with job\.json")
    assert call("generate", recipe, "--out", out, "--limit", 40, "--workers", 1)[0] == 0
    check_refusal(call("generate", recipe, "--out", out, "--limit", 41, "--workers", 1), r"limit")
    (out / "shards" / "shard-000001.h5").rename(tmp_path / "kept.h5")
    check_refusal(call("verify", out), r"shard-000001\.h5")
    os.truncate(tmp_path / "kept.h5", 5000)
    os.truncate(out / "shards" / "shard-000000.h5", 5000)
    (tmp_path / "kept.h5").rename(out / "shards" / "shard-000001.h5")
    status, printed, errors = call("verify", out)
    assert re.findall(r"failed   .*shard-(\d+)\.h5", printed) == ["000000", "000001"]
    check_refusal((status, printed, errors), r"2 problems; the first is .*shard-000000\.h5")
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["format_version"] = 99
    (out / "manifest.json").write_bytes(canonical_json(manifest))
    check_refusal(call("verify", out), r"written by a newer neuralviews")


def test_a_folder_with_other_things_is_refused(call: Call, recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    check_refusal(call("generate", recipe, "--out", tmp_path / "thesis", "--limit", 9), r"thesis")
    (tmp_path / "file").write_text("precious")
    check_refusal(call("generate", recipe, "--out", tmp_path / "file", "--limit", 9), r"file")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "precious"


def test_bad_devices_engines_and_parts(call: Call, recipe: Path, tmp_path: Path) -> None:
    start = ("generate", recipe, "--out", tmp_path / "store", "--limit", 9)
    import torch

    if not torch.cuda.is_available():
        check_refusal(call(*start, "--device", "cuda"), r"CUDA was asked for.*--device cpu")
    check_refusal(call(*start, "--engine", "fast"), r"'fast'.*cpu.*torch.*reference|'fast'.*reference")
    recipe.write_text(RECIPE.replace("[fit]", "output_scale = 2.0\n[fit]"))
    check_refusal(call(*start, "--engine", "cpu"), r"engine 'cpu'.*output_scale.*torch")
    for part in ("2/2", "3/2", "x", "1"):
        check_refusal(call(*start, "--shards", part), r"expected i/n with 0 <= i < n.*parts count from 0")
    assert not (tmp_path / "store").exists()


def test_a_disk_too_small_is_refused_before_anything_is_written(
    call: Call, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = os.statvfs(tmp_path)
    small = os.statvfs_result((*system[:2], system.f_blocks, 1, 1, *system[5:]))
    monkeypatch.setattr(os, "statvfs", lambda path: small)
    result = call("generate", recipe, "--out", tmp_path / "store", "--limit", 40)
    check_refusal(result, r"store: 0\.00 MiB free, \d+\.\d+ MiB needed; free space")
    assert not (tmp_path / "store" / "job.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder(call: Call, recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    check_refusal(call("generate", recipe, "--out", tmp_path / "locked" / "store", "--limit", 9), r"locked")


def test_an_unwritable_path(call: Call, recipe: Path) -> None:
    check_refusal(call("generate", recipe, "--out", "/proc/store", "--limit", 9), r"/proc/store")


def hear_interruptions() -> None:
    """What a shell starts in the background, it starts deaf to SIGINT, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("workers", "sent"), [(1, signal.SIGINT), (2, signal.SIGINT), (2, signal.SIGTERM)])
def test_an_interrupted_run_keeps_shards_and_says_how_to_resume(
    recipe: Path, tmp_path: Path, workers: int, sent: signal.Signals
) -> None:
    recipe.write_text(RECIPE.replace("steps = 30", "steps = 4000"))
    out = tmp_path / "store"
    command = [sys.executable, "-m", "neuralviews", "generate", str(recipe), "--out", str(out)]
    command += ["--workers", str(workers)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interruptions,  # noqa: PLW1509
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("shards/*.h5.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + sent, errors
    assert "Traceback" not in errors
    assert re.search(
        r"interrupted: [1-9][0-9]* finished shards are kept in .*store; resume with: neuralviews generate",
        errors,
    )
    kept = {path: path.read_bytes() for path in out.glob("shards/*.h5")}
    assert kept
    assert not (out / "manifest.json").exists()
    assert not list(out.glob(".tmp-progress-*"))


def test_fits_that_failed_are_told(call: Call, recipe: Path, tmp_path: Path) -> None:
    text = recipe.read_text()
    recipe.write_text(text.replace("[fit]\n", "[fit]\nmin_psnr = 90.0\nretries = 1\n"))
    code, out, err = call(
        "generate", str(recipe), "--limit", "4", "--out", str(tmp_path / "store"), "--workers", "1"
    )
    assert code == 0, err
    found = re.search(r"^(\d+) of (\d+) fits failed: .* marked diverged and left out of training$", out, re.M)
    assert found is not None
    assert found[1] == found[2]

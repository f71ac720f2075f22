"""Evaluations as a whole: equal steps, the same results whoever works and however often it is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import (
    FormatError,
    NotAStore,
    OutputError,
    TrainingError,
)
from neuralviews.evaluate import training
from neuralviews.evaluate.evaluation import evaluate_store
from neuralviews.evaluate.folder import EvaluationFolder
from neuralviews.evaluate.results import Evaluation, load_results
from neuralviews.store.reader import Store

from .stores import readable_store

GRID: dict[str, Any] = {
    "readers": ("mlp", "mlp-aligned"),
    "views": (1, 3),
    "augments": ("none", "mixup"),
    "seeds": 2,
    "steps": 6,
    "batch": 8,
    "hidden": 4,
    "workers": 1,
}
SMALL = {**GRID, "readers": ("mlp",), "views": (1,), "augments": ("none",)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("evaluation") / "store")


@pytest.fixture(scope="module")
def whole(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "results"
    evaluate_store(store, out, **GRID)
    return out


def reproducible(out: Path) -> dict[str, Any]:
    """The results, but for the folder that the command names."""
    content = json.loads((out / "results.json").read_text())
    assert content.pop("command").endswith(f"--out {out}")
    found: dict[str, Any] = content
    return found


def test_results_hold_every_condition_and_how_to_measure_it_again(store: Store, whole: Path) -> None:
    found = load_results(whole)
    assert isinstance(found, Evaluation)
    assert len(found.rows) == 8
    assert len(found.runs) == len({run.id for run in found.runs}) == 16
    assert found.dataset_id == store.dataset_id
    assert found.settings == {"task": "classify", "steps": 6, "batch": 8, "lr": None, "hidden": 4, "seed": 0}
    for row in found.rows:
        runs = [
            run for run in found.runs if {**run.condition, "seed": None} == {**row.condition, "seed": None}
        ]
        first, second = (run.measured for run in runs)
        assert row.test.mean == pytest.approx((first.test + second.test) / 2)
        assert row.test.std == pytest.approx(abs(first.test - second.test) / 2**0.5)
        assert row.gap.mean == pytest.approx(row.train.mean - row.test.mean)
        rate, share = found.speed(row)
        assert rate > 0
        assert 0 < share < 1
    for name in ("results.md", "results.csv", "views.png", "views.svg", "augment.png", "environment.json"):
        assert (whole / name).stat().st_size > 100
    assert len((whole / "results.csv").read_text().splitlines()) == 9
    assert f"`{found.command}`" in (whole / "results.md").read_text()


def test_two_processes_find_the_same(store: Store, whole: Path, tmp_path: Path) -> None:
    evaluate_store(store.root, tmp_path / "results", **{**GRID, "workers": 2})
    assert reproducible(tmp_path / "results") == reproducible(whole)


def test_killed_between_runs_it_goes_on_to_the_same_results(
    store: Store, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    program = (
        "import os, signal\n"
        "from neuralviews.evaluate import folder, evaluation\n"
        "keep, kept = folder.EvaluationFolder.keep, []\n"
        "def killed(self, found):\n"
        "    keep(self, found)\n"
        "    kept.append(found)\n"
        "    if len(kept) == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "folder.EvaluationFolder.keep = killed\n"
        f"evaluation.evaluate_store({str(store.root)!r}, {str(out)!r}, **{GRID!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == -signal.SIGKILL
    first = {path.name: path.read_bytes() for path in (out / "runs").iterdir()}
    assert len(first) == 5
    assert not (out / "results.json").exists()
    evaluate_store(store, out, **GRID)
    assert {name: (out / "runs" / name).read_bytes() for name in first} == first
    assert reproducible(out) == reproducible(whole)


def test_what_is_finished_is_not_made_again(
    store: Store, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (whole / "results.json").read_bytes()
    monkeypatch.setattr("neuralviews.evaluate.run.train", None)
    evaluate_store(store, whole, **GRID)
    assert (whole / "results.json").read_bytes() == before


def test_all_conditions_take_the_steps_of_the_largest(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    original = training.Objective.backward

    def counting(self: training.Objective, batch: Any) -> float:
        seen.append((len(self._fields), len(batch.weights)))
        return original(self, batch)

    monkeypatch.setattr(training.Objective, "backward", counting)
    settings = {**GRID, "readers": ("mlp",), "augments": ("none",), "objects": (10, None), "seeds": 1}
    del settings["steps"]
    found = evaluate_store(store, tmp_path / "results", epochs=2, **settings)
    most = max(row.records for row in found.rows)
    assert found.settings["steps"] == 2 * (most // 8)
    counts = {records: sum(one == records for one, _ in seen) for records, _ in seen}
    assert sorted(counts) == sorted(row.records for row in found.rows)
    assert {*counts.values()} == {found.settings["steps"]}
    assert {size for _, size in seen} == {8}


def test_suspicions_are_written_beside_the_results(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "results"
    found = evaluate_store(
        store,
        out,
        **{**SMALL, "seeds": 1, "steps": 12, "label_noise": (0.3,), "reweight": ("multiplicative",)},
    )
    lines = (out / f"suspicion-{found.runs[0].id}.csv").read_text().splitlines()
    assert lines[0] == "record_id,object_id,view,label,p"
    cells = [line.split(",") for line in lines[1:]]
    assert len(cells) == found.runs[0].measured.records
    p = [float(cell[-1]) for cell in cells]
    assert p == sorted(p)
    assert sum(p) == pytest.approx(1)


def test_contrastive_features_are_probed_before_and_after(store: Store, tmp_path: Path) -> None:
    found = evaluate_store(
        store,
        tmp_path / "results",
        task="contrastive",
        **{**SMALL, "views": (2,), "augments": ("contrastive",)},
    )
    row = found.rows[0]
    assert row.untrained is not None
    assert 0 <= row.test.mean <= 1
    assert "untrained %" in (tmp_path / "results" / "results.md").read_text()


def test_a_folder_is_of_one_evaluation(store: Store, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OutputError, match="an evaluation with steps 6, and 7 is asked for; choose another --out"
    ):
        evaluate_store(store, whole, **{**GRID, "steps": 7})
    other = readable_store(tmp_path / "other", signal=1.0)
    with pytest.raises(
        OutputError, match=f"an evaluation of dataset {store.dataset_id[:16]}, not of this store"
    ):
        evaluate_store(other, whole, **GRID)
    with pytest.raises(OutputError, match="holds something that is no evaluation; choose an empty folder"):
        evaluate_store(store, store.root, **GRID)
    with pytest.raises(NotAStore, match=r"holds no results\.json"):
        load_results(tmp_path)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_the_folder_is_claimed_leaves_one_that_can_be_claimed(tmp_path: Path, when: str) -> None:
    """Whether before or after the file that says what the folder is of has its name."""
    out = tmp_path / "results"
    program = (
        "import os, pathlib, signal\n"
        "from neuralviews.evaluate.folder import EvaluationFolder\n"
        "from neuralviews.store import files\n"
        "link = files.link_new\n"
        "def killed(temp, final):\n"
        f"    if {when!r} == 'after': link(temp, final)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.link_new = killed\n"
        f"EvaluationFolder(pathlib.Path({str(out)!r}), 'id', {{}}, {{}}).claim()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (out / "evaluation.json").exists() == (when == "after")
    assert any(out.iterdir())
    EvaluationFolder(out, "id", {}, {}).claim()
    assert {*os.listdir(out)} == {"evaluation.json", "runs"}


def test_a_folder_in_which_nothing_was_finished_is_given_to_the_next(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "results"
    with pytest.raises(TrainingError, match="use a smaller --lr"):
        evaluate_store(store, out, **SMALL, lr=1e30)
    assert evaluate_store(store, out, **SMALL, lr=1e-3).settings["lr"] == 1e-3
    with pytest.raises(OutputError, match=r"an evaluation with lr 0\.001, and 0\.01 is asked for"):
        evaluate_store(store, out, **SMALL, lr=1e-2)


def test_a_damaged_run_says_how_to_go_on(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "results"
    evaluate_store(store, out, **SMALL)
    before, damaged = (out / "results.json").read_bytes(), next((out / "runs").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.raises(FormatError, match="damaged or edited; remove the file, the run is then made again"):
        evaluate_store(store, out, **SMALL)
    damaged.unlink()
    evaluate_store(store, out, **SMALL)
    assert (out / "results.json").read_bytes() == before


def test_pictures_of_an_earlier_grid_go(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "results"
    evaluate_store(store, out, **{**SMALL, "views": (1, 2), "seeds": 1})
    assert (out / "views.svg").exists()
    evaluate_store(store, out, **{**SMALL, "augments": ("none", "sign-flip"), "seeds": 1})
    assert {path.name for path in out.glob("*.[ps][nv]g")} == {"augment.png", "augment.svg"}

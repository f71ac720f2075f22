"""``augment``: what it prints of a run, of its parts, rejections and interruptions."""

import json
import shutil
from pathlib import Path

import pytest

from neuralviews.records import Status
from neuralviews.store.reader import open_store

from .augment_runs import Run, one_step


def test_a_run_says_what_it_did_and_can_be_verified(run: Run, stores: Path, out: Path) -> None:
    parent = stores / "parent"
    asked = ("augment", parent, "--plan", "symmetries", "--copies", 2, "--split", "val", "--workers", 1)
    code, text, _ = run(*asked, "--split", "test", "--seed", 7, "--out", out)
    store = open_store(out)
    assert (code, text) == (0, f"{out}: complete, 66 copies made now\ndataset id {store.dataset_id}\n")
    assert (store.job["plan"]["seed"], store.job["plan"]["splits"]) == (7, ["val", "test"])
    code, text, _ = run(*asked, "--split", "test", "--seed", 7, "--out", out)
    assert (code, text) == (0, f"{out}: complete, 0 copies made now\ndataset id {store.dataset_id}\n")

    code, text, _ = run("verify", out, "--level", "semantic")
    assert code == 0
    assert "skipped  copies were not compared with their parents; give --parent" in text
    code, text, _ = run("verify", out, "--level", "semantic", "--parent", parent)
    assert code == 0
    assert "ok       every copy has the object and the split of its parents" in text
    assert run("verify", out, "--parent", parent) == (0, text, "")
    code, text, _ = run("verify", out, "--level", "regenerate", "--parent", parent, "--rows", 9)
    assert "ok       9 copies made again, from seeds and from stored parameters, every byte equal" in text
    assert text.endswith(f"{out}: regenerate verification passed\n")
    code, text, _ = run("verify", out, "--level", "regenerate", "--parent", parent, "--json")
    assert any("64 copies made again" in check for check in json.loads(text)["checks"])


def test_parts_say_what_is_left_to_others(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup-repaired", "--out", out, "--workers", 1)
    assert run(*asked, "--shards", "1/2")[1] == f"{out}: 23 copies made; 1 shard is left to other parts\n"
    assert run(*asked, "--shards", "0/2")[1].startswith(f"{out}: complete, 64 copies made now\n")


def test_copies_that_were_rejected_are_counted(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    plan = one_step(tmp_path, '{ op = "gaussian_noise" }', "reject = { min_psnr = 150.0 }")
    code, text, _ = run("augment", stores / "parent", "--plan", plan, "--out", out, "--workers", 1)
    assert code == 0
    assert text.endswith(
        "\n87 copies were rejected at every attempt; no dataset serves them\n  a  87  of 87: none is left\n"
    )


def test_rejections_are_told_by_pipeline(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    plan = tmp_path / "mine.toml"
    plan.write_text(
        'name = "mine"\nreject = { min_psnr = 6.0, min_share = 0.2, attempts = 1 }\n[[pipelines]]\n'
        'name = "noise"\nsteps = [{ op = "gaussian_noise", scale = 9.0 }]\n[[pipelines]]\n'
        'name = "exact"\nsteps = [{ op = "sign_flip" }]\n[[pipelines]]\n'
        'name = "mixed"\nsteps = [{ op = "aligned_mixup", law = "uniform" }]\n'
    )
    code, text, _ = run("augment", stores / "parent", "--plan", plan, "--out", out, "--workers", 1)
    assert code == 0
    store = open_store(out)
    lost = store.column("pipeline")[store.column("status") == Status.diverged]
    mixed = int((lost == 2).sum())
    assert 0 < mixed < 87
    lines = [
        f"{87 + mixed} copies were rejected at every attempt; no dataset serves them",
        "  noise  87  of 87: none is left",
        f"  mixed  {mixed}  of 87",
    ]
    assert text.splitlines()[2:] == lines
    assert run("stats", out, "--pairs", 3)[1].splitlines()[-5:-2] == lines
    facts = run("info", out)[1]
    assert (
        f"261: copies of 29 objects, {87 + mixed} of them rejected, but counted in splits and PSNR" in facts
    )
    assert (
        f"{87 + mixed} copies (min_psnr 6, min_share 0.2, attempts 1); `neuralviews stats` says of" in facts
    )


def test_an_interruption_says_how_to_go_on(
    run: Run, stores: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("neuralviews.augment.run.make_shards", interrupt)
    for name, *more in (("augment", "--plan", "symmetries"), ("align",)):
        arguments = [name, str(stores / "parent"), *more, "--out", str(out)]
        monkeypatch.setattr("sys.argv", ["neuralviews", *arguments])
        code, _, err = run(*arguments)
        assert code == 130
        assert err.startswith("interrupted: no shard was finished yet; resume with: ")
        assert err.endswith(f" neuralviews {' '.join(arguments)}\n")
        shutil.rmtree(out)


@pytest.mark.parametrize("name", ["augment", "align"])
def test_help_says_that_runs_resume(run: Run, name: str) -> None:
    text = " ".join(run(name, "--help")[1].split())
    assert "after an interruption, the same command goes on" in text
    assert "--out PATH Folder of the new store; run again to resume. [required]" in text

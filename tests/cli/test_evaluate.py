"""``evaluate``: the table that it prints, its grid, and errors of one line."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuralviews.evaluate.results import load_results

from ..evaluate.stores import readable_store

Run = Callable[..., tuple[int, str, str]]
FEW = ("--steps", 4, "--batch", 8, "--hidden", 4, "--workers", 1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return readable_store(tmp_path_factory.mktemp("evaluate") / "store").root


def test_the_table_is_that_of_the_results(run: Run, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    grid = ("--reader", "mlp,mlp-aligned", "--views", "1,2", "--objects", "10,all", "--seeds", 2)
    code, text, _ = run("evaluate", root, *grid, *FEW, "--out", out)
    assert code == 0
    found = load_results(out)
    assert len(found.rows) == 8
    lines = [line.split() for line in text.splitlines() if line.startswith("mlp")]
    assert len(lines) == 8
    for line, row in zip(lines, found.rows, strict=True):
        objects = row.condition["objects"]
        assert line[:4] == [
            row.condition["reader"],
            str(row.condition["views"]),
            "all" if objects is None else str(objects),
            str(row.records),
        ]
        assert row.test.text() in " ".join(line)
    assert "4 steps of 8, 2 seeds" in text
    again = run("evaluate", *found.command.split()[2:], "--workers", 1)
    assert (again[0], again[1]) == (0, text)


def test_all_views_are_those_that_there_are(run: Run, root: Path, tmp_path: Path) -> None:
    given = ("evaluate", root, "--reader", "mlp", "--seeds", 1, *FEW)
    for place, views in enumerate(("1,all", "1,3,all", "all,3,1")):
        assert run(*given, "--views", views, "--out", tmp_path / str(place))[0] == 0
        found = [row.condition["views"] for row in load_results(tmp_path / str(place)).rows]
        assert sorted(found) == [1, 3], views


def test_partners_are_told_apart_where_something_is_held_back(run: Run, root: Path, tmp_path: Path) -> None:
    given = ("--reader", "mlp", "--views", "1,all", "--objects", "10,all", "--augment", "mixup", "--seeds", 1)
    code, _, _ = run(
        "evaluate", root, *given, "--partners", "all,active", *FEW, "--out", tmp_path / "results"
    )
    assert code == 0
    found = [row.condition for row in load_results(tmp_path / "results").rows]
    whole = [one["partners"] for one in found if (one["views"], one["objects"]) == (3, None)]
    assert whole == ["active"]
    assert len(found) == 7


def test_the_command_of_a_grid_with_idle_partners_makes_it_again(
    run: Run, root: Path, tmp_path: Path
) -> None:
    given = ("--reader", "mlp", "--views", "1", "--augment", "none,mixup", "--partners", "all", "--seeds", 1)
    code, text, _ = run("evaluate", root, *given, *FEW, "--out", tmp_path / "results")
    assert code == 0
    found = load_results(tmp_path / "results")
    assert [row.condition["partners"] for row in found.rows] == ["active", "all"]
    again = run("evaluate", *found.command.split()[2:], "--workers", 1)
    assert (again[0], again[1]) == (0, text)


def test_without_out_results_lie_beside_the_store(run: Run, root: Path) -> None:
    assert run("evaluate", root, "--reader", "mlp", "--views", 1, "--seeds", 1, *FEW)[0] == 0
    assert load_results(root.with_name("store.classify")).settings["task"] == "classify"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--damp", "1e30"), "and noise 1e+30 on its weights; use a smaller --lr or --damp"),
        (("--views", "1,x"), "Invalid value for '--views': found '1,x', expected a whole number or "),
        (("--reweight", "some"), "found 'some', expected none or multiplicative"),
        (("--reader", "none"), "reader: found 'none'"),
        (("--probe", "linear"), "--probe is for --task contrastive"),
        (("--lr", "0"), "lr: found 0.0, expected a number above 0"),
        (("--lr", "3e38"), "lr: found 3e+38, expected a number above 0, up to 1e+30"),
        (("--seeds", "9999999999999"), "'--seeds': 9999999999999 is not in the range 1<=x<=1000"),
        (("--views", "3,3"), "views: found 3, 3; give one or more, each once"),
        (("--views", "1,all,all"), "views: found 1, all, all; give one or more, each once"),
        (("--objects", "all,all"), "objects: found all, all; give one or more, each once"),
        (("--partners", "all"), "partners: found 'all', but no augmentation that was asked for mixes"),
        (("--lr", "1e30"), "the loss is not finite at step"),
    ],
)
def test_errors_are_one_line(
    run: Run, root: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    reader = () if "--reader" in arguments else ("--reader", "mlp")
    code, text, err = run("evaluate", root, *reader, *FEW, *arguments, "--out", tmp_path / "results")
    assert (code, text) == (2, "")
    line = next(line for line in err.splitlines() if line.startswith("error: "))
    assert message in line
    assert "Traceback" not in err
    assert not (tmp_path / "results" / "results.json").exists()


def test_an_interruption_tells_how_to_go_on(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuralviews.evaluate import run as runs

    original, calls = runs.train, [0]

    def interrupted(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(runs, "train", interrupted)
    code, text, err = run("evaluate", root, "--reader", "mlp", *FEW, "--out", tmp_path / "results")
    assert (code, text) == (130, "")
    assert f"interrupted: 2 finished runs are kept in {tmp_path / 'results'}; resume with: neuralviews" in err


def test_the_process_ends_at_sigterm_as_before(run: Run, root: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run("evaluate", root, "--reader", "mlp", "--seeds", 1, *FEW, "--out", tmp_path / "results")[0] == 0
    assert signal.getsignal(signal.SIGTERM) == before

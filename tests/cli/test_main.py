"""The command line as a whole: exit codes, one-line errors, and nothing heavy at start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from neuralviews import __version__
from neuralviews.cli import main as program
from neuralviews.errors import StoreError

Run = Callable[..., tuple[int, str, str]]


def test_no_arguments_mean_help(run: Run) -> None:
    assert run() == run("--help") == run("-h")
    code, out, err = run()
    assert code == 0
    assert not err
    assert all(f"  {name} " in out for name in program.COMMANDS)


@pytest.mark.parametrize("name", list(program.COMMANDS))
def test_every_command_has_help(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert f"Usage: neuralviews {name} " in out


def test_summaries_fit_their_line(run: Run) -> None:
    for name in ("recipes", "info", "show"):
        assert f"{name} " in run()[1]
        line = next(line for line in run()[1].splitlines() if line.strip().startswith(name))
        assert not line.endswith("...")


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"neuralviews, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genrate"], "no command 'genrate'; did you mean 'generate'?; see 'neuralviews --help'"),
        (["xyzzy"], "no command 'xyzzy'; expected one of recipes, plan, generate, info, verify, "),
        (["--frob"], "No such option"),
        (["info"], "Missing argument 'STORE'; see 'neuralviews info --help'"),
        (["info", "a", "b"], "Got unexpected extra argument"),
        (["show", "a"], "Missing option '--out'"),
        (["show", "a", "--out", "g.png", "--objects", "0"], "Invalid value for '--objects'"),
        (["recipes", "--jsn"], "No such option"),
    ],
)
def test_misuse_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert not out
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def command_that(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make ``neuralviews recipes`` raise."""

    def fail() -> None:
        raise error

    replaced = click.Command("recipes", callback=fail)
    monkeypatch.setattr("neuralviews.cli.recipes.command", replaced)


def test_deliberate_errors_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, StoreError("somewhere: found this, expected that; do so"))
    assert run("recipes") == (2, "", "error: somewhere: found this, expected that; do so\n")


def test_a_want_of_memory_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, MemoryError())
    code, out, err = run("recipes")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: out of memory; ask for less at a time")


def test_an_interrupt_exits_as_shells_expect(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, KeyboardInterrupt())
    code, out, err = run("recipes")
    assert (code, out, err.strip()) == (130, "", "interrupted")


def test_defects_keep_their_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command_that(monkeypatch, RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        run("recipes")


def test_the_package_is_the_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neuralviews", "info", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path}: holds no store; expected a folder with job.json and manifest.json\n"
    )


def test_a_closed_pipe_is_quiet() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "neuralviews", "recipes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert err == b""

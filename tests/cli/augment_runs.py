"""Plans to augment by, and what a refusal at the command line is."""

from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def plan_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def one_step(folder: Path, step: str, more: str = "") -> Path:
    return plan_file(folder, f'name = "mine"\n{more}\n[[pipelines]]\nname = "a"\nsteps = [{step}]\n')


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err

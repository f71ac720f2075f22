"""Every command works on the generated store that version 0.1.0 left behind, to the byte."""

import re
from pathlib import Path

import pytest

from neuralviews.cli.main import main
from neuralviews.store.reader import open_store

from .make_v1_generated import make

GOLDEN = Path(__file__).parent / "v1_generated"
DATASET_ID = "2b4453393f173022a7792a80aa1b722442fd0692151bb4e6c9b9ba4ce48f465c"


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code


def test_its_id_has_not_changed() -> None:
    assert open_store(GOLDEN).dataset_id == DATASET_ID


def test_it_is_verified_down_to_fitting_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    run("verify", str(GOLDEN), "--level", "regenerate")
    assert "12 records fitted again, every byte equal" in capsys.readouterr().out


def test_info_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("info", str(GOLDEN))
    assert re.search(r"status +budget 10, converged 2", capsys.readouterr().out)
    run("show", str(GOLDEN), "--out", str(tmp_path / "gallery.png"))
    assert (tmp_path / "gallery.png").read_bytes().startswith(b"\x89PNG")


def test_today_the_same_recipe_makes_the_same_store(tmp_path: Path) -> None:
    assert make(tmp_path / "store") == DATASET_ID

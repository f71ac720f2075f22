"""Files of recipes as bytes: the mark that some editors put before the text, and files that are no text."""

from pathlib import Path

import pytest

from neuralviews.errors import RecipeError
from neuralviews.recipe import load_recipe

TEXT = 'name = "mine"\ntitle = "ü"\nsource = { kind = "digits" }\nfield.dims = [2, 5, 1]\n'


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mark_of_utf_8_changes_nothing(tmp_path: Path, end: str) -> None:
    (tmp_path / "plain.toml").write_bytes(TEXT.encode())
    (tmp_path / "marked.toml").write_bytes(TEXT.replace("\n", end).encode("utf-8-sig"))
    plain, marked = (load_recipe(tmp_path / f"{name}.toml") for name in ("plain", "marked"))
    assert (marked.digest(), marked.title) == (plain.digest(), "ü")


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    for data in (b"\x80\x81", TEXT.encode("utf-16"), TEXT.encode("latin-1")):
        (tmp_path / "binary.toml").write_bytes(data)
        with pytest.raises(
            RecipeError, match=r"binary.toml: not valid TOML: 'utf-8' codec can't decode byte"
        ):
            load_recipe(tmp_path / "binary.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path)

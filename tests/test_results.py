"""The page of results: its tables are those of the numbers that are kept beside it."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts of docs/results can be imported, and are forgotten again."""
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "results"]:
        del sys.modules[name]


@pytest.mark.usefixtures("results")
def test_tables_follow_from_the_numbers(tmp_path: Path) -> None:
    from results.fill import fill_page

    page = shutil.copyfile(DOCS / "results.md", tmp_path / "results.md")
    fill_page(page, DOCS / "results")
    assert page.read_text() == (DOCS / "results.md").read_text()


@pytest.mark.usefixtures("results")
def test_a_changed_number_changes_the_page(tmp_path: Path) -> None:
    from results.fill import fill_page

    kept = shutil.copytree(DOCS / "results", tmp_path / "results")
    one = kept / "views-digits10-dws.json"
    content = json.loads(one.read_text())
    content["rows"][0]["test"]["mean"] += 0.1
    one.write_text(json.dumps(content))
    page = shutil.copyfile(DOCS / "results.md", tmp_path / "results.md")
    fill_page(page, kept)
    assert page.read_text() != (DOCS / "results.md").read_text()


@pytest.mark.usefixtures("results")
def test_everything_measured_is_on_the_page() -> None:
    from results.grids import GRIDS

    text = (DOCS / "results.md").read_text()
    for name, grid in GRIDS.items():
        shown = {"inits": "<!-- inits -->", "sine-inits": "<!-- inits -->"}.get(name, f"grid={name} ")
        assert shown in text, name
        for store in grid.stores:
            assert (DOCS / "results" / f"{name}-{store}.json").exists(), (name, store)

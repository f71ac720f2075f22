"""``report``: one page, and one line for every bad input."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.store.reader import Store

from ..made_stores import make_store, photo_recipe, started_store
from ..report.copies import augmented
from ..report.evaluations import made_evaluation, write_evaluation
from ..report.html_pages import Page, require_sound

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("cli") / "store", diverged=(4,))


@pytest.fixture(scope="module")
def copies(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    plan = {"name": "plain", "pipelines": [{"name": "mix", "steps": [{"op": "mixup"}]}]}
    return augmented(store, tmp_path_factory.mktemp("cli") / "copies", plan)


def refused(result: tuple[int, str, str]) -> str:
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_page_with_an_evaluation(run: Run, store: Store, tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "results", made_evaluation(store))
    out = tmp_path / "page.html"
    code, said, err = run("report", store.root, "--out", out, "--evaluation", folder)
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: report of {store.root}, ")
    page = Page(out.read_text())
    require_sound(page)
    assert page.table("Accuracy").column("reader") == ["mlp", "mlp", "dws", "dws"]
    assert "source" in page.table("12 records").lines[0]


def test_copies(run: Run, store: Store, copies: Store, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    code, said, _ = run("report", copies.root, "--out", out, "--parent", store.root)
    assert (code, said.count("\n")) == (0, 1)
    assert "should render" in Page(out.read_text()).text
    code, said, _ = run("report", copies.root, "--out", out)
    assert code == 0
    assert said.endswith("drawn without parents: give --parent to see them beside the copies\n")


def test_without_the_source_it_says_so(run: Run, tmp_path: Path) -> None:
    photos = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
    code, said, _ = run("report", photos.root, "--out", tmp_path / "page.html")
    assert code == 0
    assert said.endswith("drawn without sources: give --source-root to see them beside the views\n")
    assert "as no source was given" in (tmp_path / "page.html").read_text()


class TestBadInput:
    def test_no_store(self, run: Run, tmp_path: Path) -> None:
        assert "no folder that can be read" in refused(
            run("report", tmp_path / "none", "--out", tmp_path / "page.html")
        )

    def test_an_unfinished_store(self, run: Run, tmp_path: Path) -> None:
        started_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        assert "not finished" in refused(run("report", tmp_path / "store", "--out", tmp_path / "page.html"))

    def test_a_folder_that_is_not_there(self, run: Run, store: Store, tmp_path: Path) -> None:
        line = refused(run("report", store.root, "--out", tmp_path / "no" / "page.html"))
        assert "there is no folder" in line

    def test_another_suffix(self, run: Run, store: Store, tmp_path: Path) -> None:
        assert "expected one of .html, .htm" in refused(
            run("report", store.root, "--out", tmp_path / "a.pdf")
        )

    def test_no_evaluation(self, run: Run, store: Store, tmp_path: Path) -> None:
        line = refused(run("report", store.root, "--out", tmp_path / "p.html", "--evaluation", tmp_path))
        assert "holds no results.json" in line

    def test_an_evaluation_of_another_store(
        self, run: Run, store: Store, copies: Store, tmp_path: Path
    ) -> None:
        folder = write_evaluation(tmp_path / "results", made_evaluation(copies))
        line = refused(run("report", store.root, "--out", tmp_path / "p.html", "--evaluation", folder))
        assert f"found one of dataset {copies.dataset_id}, expected {store.dataset_id}" in line
        assert not (tmp_path / "p.html").exists()

    def test_results_that_were_edited(self, run: Run, store: Store, tmp_path: Path) -> None:
        folder = write_evaluation(tmp_path / "results", made_evaluation(store))
        (folder / "results.json").write_bytes(b"[]\n")
        line = refused(run("report", store.root, "--out", tmp_path / "p.html", "--evaluation", folder))
        assert "results.json" in line

    def test_a_parent_of_fitted_fields(self, run: Run, store: Store, tmp_path: Path) -> None:
        line = refused(run("report", store.root, "--out", tmp_path / "p.html", "--parent", store.root))
        assert "parent: " in line
        assert "leave it out" in line

    def test_another_parent(self, run: Run, copies: Store, tmp_path: Path) -> None:
        other = make_store(tmp_path / "other", objects=20)
        line = refused(run("report", copies.root, "--out", tmp_path / "p.html", "--parent", other.root))
        assert f"found dataset {other.dataset_id}, expected " in line
        assert "give the store that was augmented" in line

    def test_a_source_of_copies(self, run: Run, copies: Store, tmp_path: Path) -> None:
        line = refused(run("report", copies.root, "--out", tmp_path / "p.html", "--source-root", tmp_path))
        assert "give --parent instead" in line

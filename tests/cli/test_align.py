"""``align``: what it prints, and references that cannot be."""

from pathlib import Path

import pytest

from neuralviews.store.reader import open_store

from .augment_runs import Run, refused


def test_alignment_says_what_it_did(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    parent = stores / "parent"
    code, text, _ = run("align", parent, "--group", "sign", "--out", out, "--workers", 1)
    assert (code, text.splitlines()[0]) == (0, f"{out}: complete, 120 fields aligned now")
    again = ("align", parent, "--group", "sign", "--reference", out, "--out", tmp_path / "again")
    code, text, _ = run(*again, "--workers", 1)
    assert code == 0
    assert open_store(tmp_path / "again").dataset_id == open_store(out).dataset_id
    assert run("verify", out, "--level", "regenerate", "--parent", parent)[0] == 0


@pytest.mark.usefixtures("untouched")
def test_bad_references_are_one_line(run: Run, stores: Path, out: Path, tmp_path: Path) -> None:
    parent = stores / "parent"
    asked = ("align", parent, "--out", out, "--reference")
    refused(run(*asked, parent), "parent: was not aligned to anything; expected 'mean', or a store that")
    refused(run(*asked, stores / "none"), "expected 'mean' or the folder of an aligned store")
    refused(run(*asked, "median"), "reference: found 'median', expected 'mean' or the folder of an aligned")
    refused(run(*asked, tmp_path), "holds no store")
    assert run("align", stores / "wider", "--out", tmp_path / "wide", "--workers", 1)[0] == 0
    refused(
        run(*asked, tmp_path / "wide"),
        "wide: aligned fields [2, 7, 5, 1]",
        "[2, 6, 5, 1]",
        "choose a reference of the same shape",
    )
    refused(run("align", parent, "--out", out, "--group", "affine"), "'affine' is not one of")

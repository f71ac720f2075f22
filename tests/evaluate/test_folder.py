"""The folder of an evaluation: where it may lie, and what is damaged in it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import FormatError, OutputError
from neuralviews.evaluate.evaluation import evaluate_store
from neuralviews.store.canonical import canonical_json
from neuralviews.store.reader import Store

from ..made_stores import contents
from .stores import readable_store

SMALL: dict[str, Any] = {
    "readers": ("mlp",),
    "views": (1,),
    "seeds": 2,
    "steps": 4,
    "batch": 8,
    "hidden": 4,
    "workers": 1,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("folder") / "store")


@pytest.fixture(scope="module")
def finished(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "results"
    evaluate_store(store, out, **SMALL)
    return out


@pytest.mark.parametrize("content", [[], 3, {"settings": 3}, {"settings": {}, "versions": []}, {}])
def test_a_damaged_evaluation_is_one_line(
    store: Store, finished: Path, tmp_path: Path, content: object
) -> None:
    out = tmp_path / "results"
    shutil.copytree(finished, out)
    if isinstance(content, dict):
        content = {"dataset_id": store.dataset_id, **content}
    (out / "evaluation.json").write_bytes(canonical_json(content))
    with pytest.raises(
        FormatError, match=r"evaluation\.json: damaged or edited; restore the file, or choose another --out"
    ):
        evaluate_store(store, out, **SMALL)


def test_a_run_under_the_name_of_another_is_refused(store: Store, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    shutil.copytree(finished, out)
    one, other = sorted((out / "runs").iterdir())
    shutil.copy(one, other)
    with pytest.raises(FormatError, match=f"{other.name}: holds run {one.stem}; remove the file, the run is"):
        evaluate_store(store, out, **SMALL)
    other.unlink()
    evaluate_store(store, out, **SMALL)
    assert (out / "runs" / other.name).exists()


def test_results_do_not_go_into_the_store(store: Store) -> None:
    before = contents(store.root)
    with pytest.raises(OutputError, match="results: lies in the store, which holds nothing else; choose"):
        evaluate_store(store, store.root / "results", **SMALL)
    assert contents(store.root) == before


def test_a_contrastive_batch_may_have_two_fields_of_one_record_each(store: Store, tmp_path: Path) -> None:
    """With 1 view there are fewer records than a batch of pairs has fields."""
    found = evaluate_store(
        store,
        tmp_path / "results",
        task="contrastive",
        augments=("sign-flip",),
        **{**SMALL, "steps": None, "epochs": 2, "batch": 80, "seeds": 1},
    )
    assert found.rows[0].records < 80
    assert found.settings["steps"] == 2

"""What cannot be evaluated, or trained: one line says so, and nothing is written."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from neuralviews.augment.plan import load_plan
from neuralviews.augment.run import augment_store
from neuralviews.errors import EngineError, NeuralViewsError, SpecError
from neuralviews.evaluate.conditions import grid
from neuralviews.evaluate.evaluation import evaluate_store
from neuralviews.evaluate.readers import mlp
from neuralviews.evaluate.suitable import require_suitable
from neuralviews.store.reader import Store

from ..made_stores import digits_recipe, make_shapes_store, make_store, photo_recipe
from .stores import readable_store

SMALL: dict[str, Any] = {
    "readers": ("mlp",),
    "views": (1,),
    "seeds": 2,
    "steps": 6,
    "batch": 8,
    "hidden": 4,
    "workers": 1,
}
BEYOND_ADDRESSES = 1 << 52


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("refusals") / "store")


def _bad_store(root: Path, which: str) -> Store:
    if which == "unlabelled":
        return make_store(root / "store", photo_recipe(root / "photos"), 9)
    if which == "partly labelled":
        return readable_store(root / "store", partly_labelled=True)
    return make_store(root / "store", digits_recipe(split={"rule": "random", "val": 0, "test": 300}), 20)


@pytest.mark.parametrize(
    ("which", "changes", "message"),
    [
        ("unlabelled", {}, "has no labels, which readers are trained on"),
        ("without val", {}, "has no record of split 'val'; readers are trained on 'train', chosen on 'val'"),
        ("readable", {"views": (4,)}, "views: found 4, but "),
        ("readable", {"objects": (1,), "batch": 2}, "found 1 class in the 1 training records"),
        ("readable", {"objects": (999,)}, "objects: found 999, but .* training objects"),
        (
            "readable",
            {"batch": 64, "objects": (20,)},
            "batch: found 64 records a step, but 1 view of 20 objects",
        ),
        ("readable", {"readers": ("mpl",)}, "reader: found 'mpl'; did you mean 'mlp'?"),
        ("readable", {"augments": ("mixing",)}, "augment: found 'mixing'"),
        (
            "readable",
            {"augments": ("affine_output",)},
            "changes nothing at its defaults; write a plan that sets",
        ),
        (
            "readable",
            {"readers": "mlp"},
            r"reader: found 'mlp', expected one or several in a tuple: \('mlp',\)",
        ),
        ("readable", {"damp": 0.1}, r"damp: found 0.1, expected one or several in a tuple: \(0.1,\)"),
        ("readable", {"epochs": 2}, "steps: found 6 steps and 2 epochs; expected one of both"),
        ("readable", {"seeds": 0}, "seeds: found 0, expected 1 to 1,000"),
        ("readable", {"steps": 0}, "steps: found 0, expected 1 or more"),
        ("readable", {"batch": 1}, "batch: found 1, expected 2 or more"),
        ("readable", {"hidden": 0}, "hidden: found 0, expected 1 to 65,536"),
        (
            "readable",
            {"hidden": 20_000},
            "hidden: found 20000, with which reader 'mlp' has .* parameters, expected",
        ),
        (
            "readable",
            {"hidden": 10**30},
            "hidden: found 1000000000000000000000000000000, expected 1 to 65,536",
        ),
        ("readable", {"task": "contrast"}, "task: found 'contrast', expected classify or contrastive"),
        ("readable", {"task": "contrastive", "damp": (0.1,)}, "contrastive: found reweight or damp"),
        (
            "readable",
            {"task": "contrastive", "views": (1,), "augments": ("none",)},
            "contrastive: found 1 view and augment 'none', so that both fields of a pair would be the same",
        ),
        (
            "readable",
            {"task": "contrastive", "views": (3,), "objects": (3,), "seeds": 1},
            "batch: found 8 records a step, two of each object, of 3 objects to train on; expected 4 to 6",
        ),
        (
            "readable",
            {"reweight": ("multiplicative",), "steps": 5, "batch": 10},
            "reweight: found 5 steps, but records are first weighed after the 5 of an epoch; "
            "use --steps 6 or more, several --epochs, or leave it out",
        ),
        ("readable", {"reweight": ("multiplicative",), "steps": None, "epochs": 1}, "or more, several --ep"),
        (
            "readable",
            {"seeds": 10**13, "readers": ("foo",)},
            "seeds: found 10000000000000, expected 1 to 1,000",
        ),
        ("readable", {"lr": 3e38}, r"lr: found 3e\+38, expected a number above 0, up to 1e\+30"),
        (
            "readable",
            {"partners": ("all", "active"), "augments": ("none", "sign-flip")},
            "partners: found 'all', but no augmentation that was asked for mixes fields",
        ),
        (
            "readable",
            {"augments": ("mixup", "sign_flip", "sign-flip")},
            "augment: found 'sign_flip' and 'sign-flip', which are the same; give one of them",
        ),
        ("partly labelled", {}, "1 of .* records have no label, which readers are trained on"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    store: Store, tmp_path: Path, which: str, changes: dict[str, Any], message: str
) -> None:
    chosen = store if which == "readable" else _bad_store(tmp_path, which)
    with pytest.raises(NeuralViewsError) as found:
        evaluate_store(chosen, tmp_path / "results", **{**SMALL, **changes})
    assert re.search(message.replace("?", r"\?"), str(found.value)), str(found.value)
    assert not (tmp_path / "results").exists()


def test_training_without_memory_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlp.Mlp, "embed", lambda *_: torch.empty(BEYOND_ADDRESSES))
    with pytest.raises(EngineError, match="out of memory; run the same command again with fewer workers"):
        evaluate_store(store, tmp_path / "results", **SMALL)


def test_no_memory_for_a_reader_is_told_before_anything_is_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*_: Any) -> None:
        torch.empty(BEYOND_ADDRESSES)

    monkeypatch.setattr("neuralviews.evaluate.readers.registry.draw_parameters", draw)
    with pytest.raises(MemoryError):
        evaluate_store(store, tmp_path / "results", **SMALL)
    assert not (tmp_path / "results").exists()


def test_augmented_copies_of_train_alone_name_their_parent(store: Store, tmp_path: Path) -> None:
    augment_store(store, load_plan("symmetries"), tmp_path / "copies")
    with pytest.raises(
        NeuralViewsError, match=r"augmented copies without split 'val'.*evaluate the store they were"
    ):
        evaluate_store(tmp_path / "copies", tmp_path / "results", **SMALL)


def test_fields_that_do_not_fit(store: Store, tmp_path: Path) -> None:
    shapes = make_shapes_store(tmp_path / "shapes")
    with pytest.raises(SpecError, match="reader 'pixels' "):
        require_suitable(shapes, grid(reader=("pixels",), views=(1,)), {}, batch=2, hidden=None, seed=0)
    plan = tmp_path / "turned.toml"
    step = '{ op = "affine_coords", rotate_3d = 10.0 }'
    plan.write_text(f'name = "turned"\n[[pipelines]]\nname = "turned"\nsteps = [{step}]\n')
    with pytest.raises(SpecError, match=r"augment '.*turned.toml': affine_coords"):
        evaluate_store(store, tmp_path / "results", **{**SMALL, "augments": (str(plan),)})

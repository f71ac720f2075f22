"""Conditions and the names of augmentations: what is taken, and what is refused in one line."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from neuralviews.augment.mixup import AlignedMixUp, MixUp
from neuralviews.augment.plan import plan_names
from neuralviews.augment.registry import OPERATIONS
from neuralviews.augment.symmetry import PhaseShift, SignFlip
from neuralviews.errors import NeuralViewsError, OptionError
from neuralviews.evaluate.augments import augmentation, described
from neuralviews.evaluate.conditions import (
    Condition,
    grid,
    without_idle_partners,
    without_same_partners,
)
from neuralviews.evaluate.run import Job
from neuralviews.evaluate.training import Training


def test_a_grid_is_every_combination_once() -> None:
    found = grid(reader=("mlp", "dws"), views=(1, 2), seed=range(3))
    assert len(found) == len({*found}) == 12
    assert found[:2] == (Condition("mlp", 1, seed=0), Condition("mlp", 1, seed=1))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"views": (1, 1)}, "views: found 1, 1; give one or more, each once"),
        ({"objects": (None, None)}, "objects: found all, all; give one or more, each once"),
        ({"objects": ()}, "objects: found nothing; give one or more"),
        ({"views": (0,)}, "views: found 0, expected 1 or more"),
        ({"label_noise": (1.0,)}, "label noise: found 1.0, expected a share from 0 to below 1"),
        ({"damp": (-0.1,)}, "damp: found -0.1, expected a deviation of 0 or more"),
        ({"reweight": ("hard",)}, "reweight: found 'hard', expected none or multiplicative"),
        ({"partners": ("all",), "label_noise": (0.2,)}, "neither a weight nor a wrong label"),
    ],
)
def test_conditions_that_cannot_be(choices: dict[str, tuple[object, ...]], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        grid(**{"reader": ("mlp",), "views": (1,), **choices})


def test_partners_vary_where_something_is_mixed() -> None:
    asked = grid(reader=("mlp",), views=(1,), augment=("none", "mixup"), partners=("all", "active"))
    found = without_idle_partners(asked, {"mixup"})
    assert [(one.augment, one.partners) for one in found] == [
        ("none", "active"),
        ("mixup", "all"),
        ("mixup", "active"),
    ]
    assert without_idle_partners(asked, {"none", "mixup"}) == asked


def test_partners_that_are_the_same_are_taken_once() -> None:
    """All of those that were asked for, if they stand alone: their ids stay what they were."""
    asked = grid(reader=("mlp",), views=(1, 3), objects=(None, 5), partners=("all", "active"))
    found = without_same_partners(asked, {(3, None)})
    assert {*asked} - {*found} == {Condition("mlp", 3, partners="all")}
    assert without_same_partners(asked, ()) == asked
    alone = grid(reader=("mlp",), views=(1, 3), partners=("all",))
    assert without_same_partners(alone, {(3, None)}) == alone


def test_ids_tell_runs_apart() -> None:
    """By all that accuracies follow from, the content of a plan included; not by who does the work."""
    training, condition = Training(10, 16), Condition("mlp", 1)
    base = Job.of("a", condition, None, training, "classify").id
    others = [
        Job.of("b", condition, None, training, "classify"),
        Job.of("a", replace(condition, seed=1), None, training, "classify"),
        Job.of("a", condition, augmentation("sign-flip"), training, "classify"),
        Job.of("a", condition, None, replace(training, steps=11), "classify"),
        Job.of("a", condition, None, replace(training, hidden=7), "classify"),
        Job.of("a", condition, None, training, "contrastive"),
    ]
    assert len({base, *(job.id for job in others)}) == 7
    assert Job.of("a", Condition("mlp", 1), None, replace(training, lr=1e-3), "classify").lr == 1e-3


def test_names_of_augmentations(tmp_path: Path) -> None:
    def steps(name: str) -> tuple[object, ...]:
        found = augmentation(name)
        assert found is not None
        return found.steps

    assert augmentation("none") is None
    assert described(None) == []
    assert steps("mixup") == (MixUp(law="uniform"),)
    assert steps("mixup-perm") == (MixUp(law="uniform", permute=True),)
    assert steps("aligned-mixup") == steps("aligned_mixup") == (AlignedMixUp(law="uniform"),)
    assert steps("phase-shift-unbounded") == (PhaseShift(low=-4, high=3),)
    assert steps("sign_flip") == steps("sign-flip") == (SignFlip(),)
    assert steps("sign-flip+mixup") == (SignFlip(), MixUp(law="uniform"))
    assert len(steps("contrastive")) == 3
    plan = tmp_path / "a+b.toml"
    plan.write_text('name = "x"\n[[pipelines]]\nname = "x"\nsteps = [{ op = "sign_flip", p = 0.25 }]\n')
    assert steps(str(plan)) == (SignFlip(p=0.25),)
    other = plan.rename(tmp_path / "b.toml")
    assert steps(f"mixup+{other}") == (MixUp(law="uniform"), SignFlip(p=0.25))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none+mixup", "augment: found 'none+mixup'; 'none' stands alone"),
        ("mixip", "augment: found 'mixip'; did you mean 'mixup'?"),
        ("sign-flip+", "augment: found ''; expected one of none, mixup"),
        ("self-mixup", "self_mixup lacks the setting 'steps'"),
        ("paper-suite", "augment paper-suite: found a plan of 16 pipelines, expected exactly one"),
        ("mixup+aligned-mixup", "found mixup and aligned_mixup, expected one or more steps"),
        ("align-to", "align_to lacks the setting 'reference'"),
        ("nowhere.toml", "nowhere.toml"),
    ],
)
def test_augmentations_that_are_none(name: str, message: str) -> None:
    with pytest.raises(NeuralViewsError, match=re.escape(message)):
        augmentation(name)


def test_all_that_is_suggested_works_by_its_name_alone() -> None:
    with pytest.raises(OptionError) as found:
        augmentation("")
    listed = str(found.value).partition("expected one of ")[2].removesuffix(", or a TOML file").split(", ")
    assert all(augmentation(name) is not None for name in listed if name != "none")
    left_out = {"affine-coords", "affine-output", "self-mixup", "align-to", "paper-suite"}
    assert {*listed} >= {name.replace("_", "-") for name in (*OPERATIONS, *plan_names())} - left_out

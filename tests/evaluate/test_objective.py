"""What a step minimizes where methods meet: reweighting with noise on the weights, and with soft labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from neuralviews.evaluate.augments import augmentation
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import Fields, training_fields
from neuralviews.evaluate.objective import Objective
from neuralviews.evaluate.readers.registry import build_reader, reader_class
from neuralviews.evaluate.training import Training
from neuralviews.store.reader import Store

from ..report.copies import augmented
from .stores import readable_store

BATCH = 16
HARD = 'name = "hard"\n[[pipelines]]\nname = "hard"\nsteps = [{ op = "mixup", labels = "hard" }]\n'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("objective") / "store")


@pytest.fixture(scope="module")
def soft(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Mixed copies of all splits."""
    table = {
        "name": "soft",
        "splits": ["train", "val", "test"],
        "pipelines": [{"name": "soft", "steps": [{"op": "mixup", "law": "uniform"}]}],
    }
    return augmented(store, tmp_path_factory.mktemp("soft") / "store", table)


def fields_of(store: Store, condition: Condition) -> Fields:
    steps = augmentation(condition.augment)
    return training_fields(store, condition, reader_class(condition.reader), steps, 0)


def doubted(count: int) -> NDArray[np.float64]:
    """Weights of which those of the first six are nearly nothing."""
    p = np.where(np.arange(count) < 6, 1e-6, 1.0)
    return p / p.sum()


def gradient(store: Store, damp: float, augment: str) -> tuple[float, Tensor]:
    """Of a reader without batch normalization, which sees parts of a batch by themselves."""
    condition = Condition("graph", 2, augment, reweight="multiplicative", damp=damp)
    fields = fields_of(store, condition)
    reader = build_reader("graph", store.spec, 10, seed=1, hidden=4).eval()
    objective = Objective(reader, fields, condition, Training(100, BATCH), 0)
    assert objective.suspicion is not None
    objective.suspicion[:] = doubted(len(fields))
    loss = objective.backward(fields.batch(np.arange(BATCH), 0))
    return loss, torch.cat([each.grad.flatten() for each in reader.parameters() if each.grad is not None])


@pytest.mark.parametrize("augment", ["none", "mixup"])
def test_without_noise_damped_weights_are_those_of_the_whole_batch(store: Store, augment: str) -> None:
    """Three of the eight parts hold records that are doubted, alone; these are to teach next to nothing."""
    (loss, plain), (damped_loss, damped) = (gradient(store, damp, augment) for damp in (0.0, 1e-9))
    assert damped_loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(damped, plain, rtol=1e-3, atol=1e-5 * float(plain.abs().max()))


@pytest.mark.parametrize("which", ["store", "soft"])
@pytest.mark.parametrize(
    "augment",
    [
        "mixup",
        "label-smoothing+mixup",
        "mixup+label-smoothing",
        "label-smoothing+mixup+label-smoothing",
        "hard",
    ],
)
def test_targets_of_both_parents_make_that_of_the_mixture(
    store: Store, soft: Store, tmp_path: Path, which: str, augment: str
) -> None:
    if augment == "hard":
        (tmp_path / "hard.toml").write_text(HARD)
        augment = str(tmp_path / "hard.toml")
    fields = fields_of({"store": store, "soft": soft}[which], Condition("mlp", 3, augment))
    batch = fields.batch(np.arange(40), 1)
    assert batch.partner is not None
    assert batch.lam is not None
    first, second = (
        fields.parent_target(place.numpy(), second=second)
        for place, second in ((batch.place, False), (batch.partner, True))
    )
    lam = batch.lam.numpy()[:, None]
    np.testing.assert_allclose(lam * first + (1 - lam) * second, batch.target.numpy(), atol=1e-6)


@pytest.mark.parametrize("which", ["store", "soft"])
def test_reweighting_alike_is_the_plain_loss_of_soft_labels(store: Store, soft: Store, which: str) -> None:
    """Before the first update all records count alike, so smoothed and mixed labels weigh as without it."""
    condition = Condition("mlp", 3, "mixup+label-smoothing", reweight="multiplicative")
    fields = fields_of({"store": store, "soft": soft}[which], condition)
    reader = build_reader("mlp", store.spec, 10, seed=1, hidden=4).eval()
    batch = fields.batch(np.arange(BATCH), 0)
    objective = Objective(reader, fields, condition, Training(100, BATCH), 0)
    with torch.no_grad():
        plain = float(cross_entropy(reader(batch.weights), batch.target))
    assert objective.backward(batch) == pytest.approx(plain, rel=1e-5)

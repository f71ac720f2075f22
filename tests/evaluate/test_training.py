"""Training: batches, schedule, the choice of a checkpoint, reweighting, and losses that are not finite."""

import math
import re
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from neuralviews.errors import OptionError, TrainingError
from neuralviews.evaluate.augments import augmentation
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.fields import FieldBatch, held_out, training_fields
from neuralviews.evaluate.objective import Objective
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.readers.registry import build_reader
from neuralviews.evaluate.scoring import accuracy
from neuralviews.evaluate.training import (
    Trained,
    Training,
    batches,
    checkpoints,
    require_batch,
    scheduled,
    train,
)
from neuralviews.records import Split
from neuralviews.store.reader import Store

from .stores import readable_store

TRAINING = Training(40, 16, lr=2e-2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return readable_store(tmp_path_factory.mktemp("training") / "store")


def run(store: Store, condition: Condition, training: Training = TRAINING) -> tuple[Reader, Trained]:
    reader = build_reader(condition.reader, store.spec, 10, seed=3, hidden=32)
    fields = training_fields(store, condition, reader, augmentation(condition.augment), 0)
    kept = [held_out(store, split, fields.prepare) for split in (Split.val, Split.test)]
    return reader, train(reader, fields, kept[0], kept[1], condition, training)


def test_an_epoch_is_every_record_once_but_for_what_fills_no_batch() -> None:
    found = list(islice(batches(23, 5, 9), 8))
    assert [epoch for epoch, _, _ in found] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [last for _, _, last in found] == [False, False, False, True] * 2
    for first in (0, 4):
        places = np.concatenate([index for _, index, _ in found[first : first + 4]])
        assert len({*places.tolist()}) == 20
    assert not np.array_equal(found[0][1], found[4][1])
    again = list(islice(batches(23, 5, 9), 8))
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(found, again, strict=True))


def test_checkpoints_end_with_the_last_step_and_rates_fall_to_nearly_nothing() -> None:
    assert sorted(checkpoints(400)) == list(range(20, 401, 20))
    assert checkpoints(3) == {1, 2, 3}
    rates = [scheduled(0.1, step, 50) for step in range(1, 51)]
    assert rates[0] == 0.1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.1 * (1 + math.cos(math.pi * 49 / 50)) / 2)


def test_it_learns_and_tests_the_model_that_validation_chose(store: Store) -> None:
    training = Training(120, 16, lr=1e-2)
    reader, found = run(store, Condition("mlp", 3), training)
    assert found.train > 0.9
    assert found.test > 0.6  # of ten classes
    fields = training_fields(store, Condition("mlp", 3), reader, None, 0)
    assert accuracy(reader, held_out(store, Split.val, fields.prepare)) == found.val
    assert accuracy(reader, held_out(store, Split.test, fields.prepare)) == found.test
    assert found.step in checkpoints(training.steps)
    assert found.suspicion is None
    assert 0 < found.loader_seconds < found.seconds


def test_equal_settings_give_equal_models_whatever_ran_before(store: Store) -> None:
    condition = Condition("mlp", 2, "mixup", damp=0.1)
    torch.rand(3)
    one, first = run(store, condition)
    torch.rand(5)
    other, second = run(store, condition)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert (first.train, first.val, first.test) == (second.train, second.val, second.test)


def test_mistaken_objects_end_with_small_weights(store: Store) -> None:
    condition = Condition("mlp", 3, label_noise=0.3, reweight="multiplicative")
    _, found = run(store, condition, Training(200, 32, lr=3e-3))
    assert found.suspicion is not None
    assert found.suspicion.sum() == pytest.approx(1)
    noisy = training_fields(store, condition, build_reader("mlp", store.spec, 10, seed=0), None, 0)
    wrong = noisy.label != store.column("label")[noisy.rows]
    assert np.median(found.suspicion[wrong]) < np.median(found.suspicion[~wrong])


def test_the_reweighted_loss_of_mixed_fields_is_the_written_one(store: Store) -> None:
    condition = Condition("mlp", 2, "mixup", reweight="multiplicative")
    reader = build_reader("mlp", store.spec, 10, seed=0, hidden=8).eval()
    fields = training_fields(store, condition, reader, augmentation("mixup"), 0)
    objective = Objective(reader, fields, condition, TRAINING, 0)
    assert objective.end_epoch()
    reader.eval()
    batch: FieldBatch = fields.batch(np.arange(16), 2)
    p = objective.suspicion
    assert p is not None
    assert p.max() > p.min()
    assert batch.partner is not None
    assert batch.lam is not None
    label = torch.from_numpy(fields.label)
    with torch.no_grad():
        scores = reader(batch.weights).double()
    first, second = (
        cross_entropy(scores, label[place], reduction="none") for place in (batch.place, batch.partner)
    )
    lam = batch.lam.double()
    p_a, p_b = (torch.from_numpy(p)[place] for place in (batch.place, batch.partner))
    expected = (lam * p_a * first + (1 - lam) * p_b * second).sum() / (lam * p_a + (1 - lam) * p_b).sum()
    assert objective.backward(batch) == pytest.approx(float(expected), rel=1e-5)


def test_a_loss_that_is_not_finite_stops_with_step_and_rate(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuralviews.evaluate.readers.mlp import Mlp

    embed, calls = Mlp.embed, [0]

    def breaking(self: Mlp, weights: torch.Tensor) -> torch.Tensor:
        calls[0] += self.training
        return embed(self, weights) * (math.nan if calls[0] == 4 else 1)

    monkeypatch.setattr(Mlp, "embed", breaking)
    rate = scheduled(TRAINING.lr or 0, 4, 40)
    with pytest.raises(
        TrainingError, match=re.escape(f"not finite at step 4, at learning rate {rate:.3g}; use a")
    ):
        run(store, Condition("mlp", 1))


def test_too_few_records_for_a_batch(store: Store) -> None:
    with pytest.raises(OptionError, match=r"batch: found 4000 records a step, but") as refused:
        run(store, Condition("mlp", 1), replace(TRAINING, batch=4000))
    hint = re.search(r"; use --batch (\d+) or fewer, or more views or objects$", str(refused.value))
    assert hint is not None
    run(store, Condition("mlp", 1), replace(TRAINING, batch=int(hint[1])))


def test_no_batch_is_suggested_that_would_be_refused() -> None:
    with pytest.raises(OptionError, match=r"but 1 to train on; use more views or objects$"):
        require_batch(1, 2, "")

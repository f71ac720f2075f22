"""Contrastive learning: the loss as written, pairs of an object's views, and runs that repeat to the bit."""

import math

import numpy as np
import pytest
import torch

from neuralviews.errors import OptionError, TrainingError
from neuralviews.evaluate.augments import augmentation
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.contrastive import Contrasted, Pairs, nt_xent, run_contrastive
from neuralviews.evaluate.fields import Fields, held_out, training_fields
from neuralviews.evaluate.probe import linear_probe
from neuralviews.evaluate.readers.base import Reader
from neuralviews.evaluate.readers.mlp import Mlp
from neuralviews.evaluate.readers.registry import build_reader
from neuralviews.evaluate.training import Training
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..made_stores import digits_recipe, make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """60 digits with made-up weights, 3 views each; two records diverged."""
    recipe = digits_recipe(split={"rule": "random", "val": 500, "test": 500})
    return make_store(tmp_path_factory.mktemp("contrastive") / "store", recipe, 60, diverged=(4, 9))


def fields_of(store: Store, condition: Condition) -> Fields:
    return training_fields(store, condition, Mlp, augmentation(condition.augment), 0)


def run(store: Store, condition: Condition, training: Training | None = None) -> tuple[Reader, Contrasted]:
    fields = fields_of(store, condition)
    reader = build_reader("mlp", store.spec, fields.classes, seed=3, hidden=8)
    validation, test = (held_out(store, split, fields.prepare) for split in (Split.val, Split.test))
    training = training or Training(steps=12, batch=16)
    return reader, run_contrastive(reader, fields, validation, test, condition, training)


def test_the_loss_is_equation_1_of_simclr() -> None:
    draws = torch.Generator().manual_seed(1)
    first, second = (torch.randn(5, 3, generator=draws, dtype=torch.float64) for _ in range(2))
    rows = [*first.tolist(), *second.tolist()]

    def similarity(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)

    total = 0.0
    for i, row in enumerate(rows):
        partner = (i + 5) % 10
        below = sum(math.exp(similarity(row, other) / 0.2) for k, other in enumerate(rows) if k != i)
        total -= math.log(math.exp(similarity(row, rows[partner]) / 0.2) / below)
    assert float(nt_xent(first, second, 0.2)) == pytest.approx(total / 10, rel=1e-12)
    assert float(nt_xent(torch.ones(5, 3), torch.ones(5, 3))) == pytest.approx(math.log(9), rel=1e-6)


def test_pairs_are_two_views_of_one_object_and_no_object_is_twice_in_a_batch(store: Store) -> None:
    fields = fields_of(store, Condition("mlp", 3))
    owner, view = (store.column(name)[fields.rows] for name in ("object_id", "view"))
    objects = len(np.unique(owner))
    pairs = Pairs.of(fields, 12, 5)
    seen = set()
    for epoch in range(20):
        batches = list(pairs.batches(epoch))
        assert len(batches) == objects // 6
        for first, second in batches:
            assert len(first) == len(np.unique(owner[first])) == 6
            assert (owner[first] == owner[second]).all()
            assert (view[first] != view[second]).all()
            seen.update(zip(view[first].tolist(), view[second].tolist(), strict=True))
    assert seen == {(a, b) for a in range(3) for b in range(3) if a != b}
    again = [first.tolist() for first, _ in pairs.batches(7)]
    assert again == [first.tolist() for first, _ in pairs.batches(7)]
    assert again != [first.tolist() for first, _ in pairs.batches(8)]


def test_with_one_view_a_record_stands_beside_itself(store: Store) -> None:
    plain, augmented = (
        fields_of(store, Condition("mlp", 1, augment=name)) for name in ("none", "symmetries")
    )
    first, second = next(Pairs.of(plain, 8, 5).batches(0))
    assert (first == second).all()
    assert torch.equal(plain.batch(first, 0).weights, plain.batch(second, 1).weights)
    assert not torch.equal(augmented.batch(first, 0).weights, augmented.batch(second, 1).weights)


@pytest.mark.parametrize(
    ("augment", "most"),
    [
        ("none", math.log(15) / 2),
        ("gaussian-noise", math.log(15) / 2),
        # A perceptron cannot learn these symmetries from made-up weights, but it must not lose more by them.
        ("symmetries", 3.5),
        ("contrastive+mixup", 3.5),
    ],
)
def test_training_changes_all_but_the_head(store: Store, augment: str, most: float) -> None:
    condition = Condition("mlp", 1, augment=augment)
    fresh = dict(build_reader("mlp", store.spec, 10, seed=3, hidden=8).named_parameters())
    reader, found = run(store, condition, Training(steps=60, batch=16, lr=1e-2))
    assert 0 < found.loss < most
    assert (found.step, found.records) == (60, len(fields_of(store, condition)))
    for name, parameter in reader.named_parameters():
        assert torch.equal(parameter, fresh[name]) == name.startswith("head."), name


def test_a_run_repeats_to_the_bit_and_draws_from_no_global_generator(store: Store) -> None:
    condition = Condition("mlp", 3, augment="contrastive")
    state = torch.get_rng_state()
    first, second = run(store, condition), run(store, condition)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in first[0].state_dict().items():
        assert torch.equal(value, second[0].state_dict()[name])
    assert first[1].loss == second[1].loss
    assert (first[1].train, first[1].val, first[1].test) == (second[1].train, second[1].val, second[1].test)


def test_the_untrained_probe_reads_first_views_with_a_fresh_reader(store: Store) -> None:
    condition = Condition("mlp", 3, augment="contrastive")
    fields = fields_of(store, condition)
    fresh = build_reader("mlp", store.spec, fields.classes, seed=3, hidden=8).eval()
    _, firsts = np.unique(store.column("object_id")[fields.rows], return_index=True)
    parts = [(fields, firsts)]
    for split in (Split.val, Split.test):
        held = held_out(store, split, fields.prepare)
        parts.append((held, np.arange(len(held))))
    with torch.no_grad():
        expected = linear_probe(
            *((fresh.embed(part.clean(index).weights).numpy(), part.label[index]) for part, index in parts)
        )
    assert run(store, condition)[1].untrained == expected


def test_what_cannot_be_is_said(store: Store) -> None:
    objects = len(np.unique(store.column("object_id")[fields_of(store, Condition("mlp", 1)).rows]))
    with pytest.raises(
        OptionError, match=f"batch: found 256 records a step, two of each object, of {objects} "
    ):
        run(store, Condition("mlp", 1), Training(steps=1, batch=256))
    with pytest.raises(OptionError, match="batch: found 2 records a step"):
        run(store, Condition("mlp", 1), Training(steps=1, batch=2))
    with pytest.raises(OptionError, match="contrastive: found reweight or damp"):
        run(store, Condition("mlp", 1, damp=0.1))
    with pytest.raises(TrainingError, match="reader 'mlp': the loss is not finite at step"):
        run(store, Condition("mlp", 1), Training(steps=5, batch=16, lr=1e30))

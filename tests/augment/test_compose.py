"""Steps in a row: what they refuse, and fields that run through more than one row of steps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuralviews.augment.batch import Batch, SoftLabels
from neuralviews.augment.compose import Compose
from neuralviews.augment.geometry import AffineCoords
from neuralviews.augment.mixup import MixUp
from neuralviews.augment.noise import GaussianNoise
from neuralviews.augment.repair import Repair
from neuralviews.augment.self_mixup import SelfMixUp
from neuralviews.augment.symmetry import SignFlip
from neuralviews.augment.target import Target
from neuralviews.draws import Draws
from neuralviews.errors import EngineError, OptionError, SpecError
from neuralviews.field import FieldSpec

from .pairs import SPEC, draws_for, pairs, values_of

POINTS = np.random.default_rng(2).uniform(-1, 1, (9, 2))
MOVE = Compose(AffineCoords(translate=0.3))


@pytest.mark.parametrize("streams", [0, 1, 5, 7])
@pytest.mark.parametrize("step", [GaussianNoise(), MixUp(), SignFlip()], ids=lambda step: step.name)
def test_a_field_takes_a_stream(step: GaussianNoise | MixUp | SignFlip, streams: int) -> None:
    with pytest.raises(
        OptionError, match=f"^Compose: found {streams} streams for 6 fields, expected one a field$"
    ):
        Compose(step).run(pairs(), Draws(np.arange(streams, dtype=np.uint64)))


@pytest.mark.parametrize(
    ("params", "found"),
    [
        (np.ones((6, 90), np.float32), "float32 (6, 90)"),
        (np.ones((6, 18), np.float32), "float32 (6, 18)"),
        (np.ones((1, 19), np.float32), "float32 (1, 19)"),
        (np.ones(19, np.float32), "float32 (19,)"),
        (np.ones((6, 19)), "float64 (6, 19)"),
    ],
)
def test_parameters_must_be_those_of_the_steps(params: np.ndarray, found: str) -> None:
    batch, steps = pairs(), Compose([SignFlip(), AffineCoords()])
    message = f"Compose: found parameters {found}, expected float32 (6, 19)"
    with pytest.raises(OptionError) as error:
        steps.replay(batch, params)
    assert str(error.value) == message
    with pytest.raises(OptionError) as error:
        steps.expect(Target.of_parent(6, 2, 3), params, batch.context)
    assert str(error.value) == message


def test_partners_and_targets_are_of_as_many_fields() -> None:
    batch = pairs()
    with pytest.raises(SpecError, match=r"^partner: found 1 fields of FieldSpec.*, expected 6 of FieldSpec"):
        replace(batch, partner=pairs(n=1).partner)
    other = FieldSpec(SPEC.dims, omega=7.0)
    foreign = Batch.of(replace(batch.context, spec=other), batch.weights, SoftLabels.of(np.arange(6)))
    with pytest.raises(SpecError, match=r"^partner: found 6 fields of .*omega=\(7.0, 7.0\).*, expected 6 of"):
        replace(batch, partner=foreign)
    with pytest.raises(SpecError, match=r"^target: found that of 5 fields, expected 6$"):
        replace(batch, target=Target.of_parent(5, 2, 3))


def test_a_second_run_goes_on_with_the_target_of_the_first() -> None:
    batch = replace(pairs(), partner=None)
    moved, params = MOVE.run(batch, draws_for(batch), track=True)
    copies, flipped = Compose(SignFlip()).run(moved, draws_for(batch, base=12), track=True)
    once = Compose([*MOVE.steps, SignFlip()]).replay(
        batch, np.concatenate((params, flipped), axis=1), track=True
    )
    assert copies.weights.tobytes() == once.weights.tobytes()
    assert copies.target is not None
    assert once.target is not None
    parents = [batch.weights]
    found, wanted = (values_of(x, SPEC, parents, POINTS) for x in (copies.target, once.target))
    np.testing.assert_array_equal(found, wanted)
    unmoved = values_of(Target.of_parent(6, 2, 3), SPEC, parents, POINTS)
    assert abs(found - unmoved).max(axis=(1, 2)).min() > 0.01


@pytest.mark.parametrize(("steps", "track"), [(Compose(SignFlip()), True), (Compose(Repair()), False)])
def test_what_augmented_fields_should_render_is_not_guessed(steps: Compose, track: bool) -> None:
    batch = replace(pairs(), partner=None)
    moved, _ = MOVE.run(batch, draws_for(batch))
    with pytest.raises(OptionError, match=r"^Compose: found fields that were augmented without a target, "):
        steps.run(moved, draws_for(batch), track=track)
    Compose(SignFlip()).run(moved, draws_for(batch))  # nobody asks


def test_a_thread_that_flushes_subnormal_numbers_is_refused() -> None:
    torch = pytest.importorskip("torch")
    batch = pairs()

    def flushing() -> None:
        if not torch.set_flush_denormal(True):
            pytest.skip("this CPU cannot flush subnormal numbers")
        Compose(SignFlip()).run(batch, draws_for(batch))

    # the setting belongs to the thread and ends with it
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(EngineError, match=r"^augment: this thread flushes sub"),
    ):
        pool.submit(flushing).result()


@pytest.mark.parametrize("steps", [5, None, 2.5])
def test_what_is_no_list_of_steps(steps: Any) -> None:
    with pytest.raises(OptionError, match=rf"^Compose: found {steps}, expected augmentations such as"):
        Compose(steps)
    with pytest.raises(OptionError, match=rf"^SelfMixUp: steps: Compose: found {steps}, expected augment"):
        SelfMixUp(steps)

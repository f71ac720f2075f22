"""What the torch engine keeps on the device: fields that end freeze there, and no step needs the host."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from neuralviews.fit.engine import Budget
from neuralviews.fit.torch_progress import LARGEST, Progress
from neuralviews.fit.torch_step import FieldBatch

from .torch_cases import BUDGETS, CPU, SPEC, uneven_problem

FIELDS, SLOTS = 6, 8


def started(budget: Budget) -> tuple[FieldBatch, Progress]:
    """Six fields under way in eight slots, points in two tiles."""
    inits, signals = uneven_problem(FIELDS)
    batch = FieldBatch(SPEC, signals.coords, budget, SLOTS, 32, CPU)
    progress = Progress(batch, budget, signals.span)
    batch.load(range(FIELDS), inits, signals.values, signals.keys)
    progress.start(list(range(FIELDS)))
    return batch, progress


def state(batch: FieldBatch, progress: Progress) -> list[bytes]:
    """Of every slot, all that a result is made of."""
    parts = batch.weights, batch.loss, progress.step, progress.kept, progress.kept_loss, progress.kept_step
    return [b"".join(part[slot].numpy().tobytes() for part in parts) for slot in range(SLOTS)]


@pytest.mark.parametrize("name", BUDGETS)
def test_ended_fields_are_frozen_to_the_bit_while_others_go_on(name: str) -> None:
    budget = BUDGETS[name]
    batch, progress = started(budget)
    frozen: dict[int, bytes] = {}
    ends = set()
    for taken in range(budget.steps + 20):
        progress.advance()
        found = state(batch, progress)
        for slot in np.flatnonzero(~progress.going[:FIELDS, 0].numpy()).tolist():
            if slot not in frozen:
                ends.add(taken)
            assert frozen.setdefault(slot, found[slot]) == found[slot]
    assert set(frozen) == set(range(FIELDS)), "all should have ended"
    if budget.target_psnr is not None:
        assert len(ends) >= 3, "the fields should end at different steps"
    lost = frozenset({4} if budget.points is None else {})
    finished = [slot for slot in range(FIELDS) if slot not in lost]
    assert (progress.step[finished] <= budget.steps).all()
    assert progress.step[FIELDS:].tolist() == [[0], [0]], "empty slots never move"


@pytest.mark.parametrize("target", [None, 19.0])
def test_a_field_of_the_last_row_ends_whatever_its_loss(target: float | None) -> None:
    budget = Budget(3, 1e-9, target_psnr=target)
    _, progress = started(budget)
    for going in (True, True, True, False):
        progress.advance()
        assert bool(progress.going[1, 0]) is going
    assert progress.step[1, 0] == 3


@pytest.mark.parametrize("psnr", [0.0, 10.0, 17.3, 30.0, 3000.0, -390.0])
def test_the_bound_in_float32_parts_losses_as_float64_does(psnr: float) -> None:
    """A field goes on where its loss is above the target, and float32 has no loss between the two."""
    budget = Budget(1, 1e-3, target_psnr=psnr)
    target, (_, progress) = budget.target_loss(1.0), started(budget)
    bound = progress._table[0, 2].numpy()[()]
    assert float(bound) <= target
    assert bound == LARGEST or float(np.nextafter(bound, np.float32(np.inf))) > target


class Recorded(TorchDispatchMode):
    """The operations that are called, and their arguments that are no tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        shapes = [tuple(arg.shape) if isinstance(arg, torch.Tensor) else arg for arg in args]
        self.calls.append((str(func), str(shapes)))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", BUDGETS)
def test_a_step_can_be_captured(name: str) -> None:
    """The same operations at each step, none that reads a number, and results that stay where they are.

    What a CUDA graph needs, as far as it can be told without a GPU.
    """
    batch, progress = started(BUDGETS[name])
    tensors = [value for part in (batch, progress) for value in vars(part).values()]
    before = [value.data_ptr() for value in tensors if isinstance(value, torch.Tensor)]
    calls = []
    for _ in range(BUDGETS[name].steps + 3):
        with Recorded() as record:
            progress.advance()
        calls.append(record.calls)
    assert all(made == calls[0] for made in calls), "what is done should not depend on how far fields are"
    used = {operation for operation, _ in calls[0]}
    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "index.", "_index_put", "item", "unique")
    assert not [operation for operation in used if any(word in operation for word in waiting)]
    assert not [operation for operation in used if "_to_copy" in operation]
    tensors = [value for part in (batch, progress) for value in vars(part).values()]
    assert [value.data_ptr() for value in tensors if isinstance(value, torch.Tensor)] == before

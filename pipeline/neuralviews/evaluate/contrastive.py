"""Learning features without labels: two neural views of an object shall be alike, all else unlike.

Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (ICML 2020);
for weights of fields, Shamsian et al., "Improved Generalization of Weight Space Networks via Augmentations"
(ICML 2024).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..draws import Draws, row_seeds
from ..errors import OptionError
from ..seeds import derive_seed
from .probe import ProbeScore, linear_probe
from .readers.modules import Linear, draw_parameters
from .scoring import at_test
from .training import WEIGHT_DECAY, Trained, Training, not_finite, scheduled

if TYPE_CHECKING:
    from .conditions import Condition
    from .fields import Fields
    from .probe import Labelled
    from .readers.base import Reader

__all__ = ["Contrasted", "Pairs", "nt_xent", "require_contrastive", "run_contrastive"]

TEMPERATURE = 0.5
"""Of SimCLR on CIFAR-10."""

_PROJECTED = 64


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """The normalized, temperature-scaled cross entropy of pairs, a scalar: equation 1 of SimCLR.

    Each of the 2B vectors is to be told, by its cosine, which of the 2B - 1 others is its partner.

    Args:
        first, second: (B, D), row i of both is a pair.
    """
    both = normalize(torch.cat((first, second)), dim=1)
    alike = both @ both.T / temperature
    alike = alike.masked_fill(torch.eye(len(both), dtype=torch.bool, device=both.device), -torch.inf)
    partner = torch.arange(len(both), device=both.device).roll(len(first))
    return cross_entropy(alike, partner)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which two records of each object stand beside each other, drawn anew in each epoch.

    Two different views where an object has them, whatever augments them then: conditions that differ by
    augmentation alone share their pairs. With one view in use it is that record twice; without an
    augmentation these are the very same weights, and the loss only spreads features.
    No object is twice in a batch, where its other views would count as something else.

    Args:
        starts: (M + 1,) int64: object m has the places ``starts[m]`` to ``starts[m + 1]`` in `Fields`.
        size: B, pairs in a batch.
        seed: of all draws.
    """

    starts: NDArray[np.int64]
    size: int
    seed: int

    @classmethod
    def of(cls, fields: "Fields", batch: int, seed: int) -> "Pairs":
        """Of the records trained on, ``batch`` of them a step, two of each object.

        Raises:
            OptionError: fewer objects than that, or a single pair, which is told from no other.
        """
        owner = fields.store.column("object_id")[fields.rows]
        starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1], True]).astype(np.int64)
        _require_batch(len(starts) - 1, batch)
        return cls(starts, batch // 2, seed)

    def batches(self, epoch: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Places of the first and of the second records, (B,) each; what fills no batch is left out."""
        draws = Draws(row_seeds(derive_seed(self.seed, "pairs", epoch), np.arange(len(self.starts) - 1)))
        count = np.diff(self.starts)
        share = draws.child(1).uniform(2)
        first = (share[:, 0] * count).astype(np.int64)
        second = (first + 1 + (share[:, 1] * (count - 1)).astype(np.int64)) % count
        order = np.argsort(draws.child(0).bits(1)[:, 0], kind="stable")
        for start in range(0, len(order) - self.size + 1, self.size):
            chosen = order[start : start + self.size]
            yield self.starts[chosen] + first[chosen], self.starts[chosen] + second[chosen]


@dataclass(frozen=True, eq=False)
class Contrasted(Trained):
    """A run without labels: ``train``, ``val`` and ``test`` are those of the linear probe on its features.

    Args:
        untrained: the probe on the features of the same reader before its first step.
        loss: mean of the last tenth of all steps. Features that tell nothing give ``log(batch - 1)``.
    """

    untrained: ProbeScore
    loss: float


def run_contrastive(
    reader: "Reader",
    fields: "Fields",
    validation: "Fields",
    test: "Fields",
    condition: "Condition",
    training: Training,
) -> Contrasted:
    """Train the features of a reader without labels, then probe them: arguments as those of `training.train`.

    A step takes half as many objects as ``training.batch``, two fields of each. The probe learns from the
    first view in use of each training object, as it is in the store. There is no choice of a checkpoint: the
    last one is probed. The reader's own head takes no part.

    Raises:
        OptionError: too few objects, or a condition whose losses are those of single records.
        TrainingError: a loss that is not finite.
        StoreError: see `linear_probe`.
    """
    _require_plain(condition)
    seed = derive_seed(training.seed, fields.store.dataset_id, "contrastive", condition.seed)
    pairs = Pairs.of(fields, training.batch, seed)
    before = _probe(reader, fields, pairs, validation, test)
    losses, seconds, loading = _contrast(reader, fields, pairs, training, seed)
    after = _probe(reader, fields, pairs, validation, test)
    return Contrasted(
        train=after.train,
        val=after.val,
        test=after.test,
        step=training.steps,
        records=len(fields),
        parameters=sum(parameter.numel() for parameter in reader.parameters()),
        seconds=seconds,
        loader_seconds=loading,
        suspicion=None,
        untrained=before,
        loss=float(np.mean(losses[-math.ceil(len(losses) / 10) :])),
    )


def require_contrastive(condition: "Condition", objects: int, batch: int) -> None:
    """Refuse what `run_contrastive` would, before anything is trained.

    Args:
        objects: how many are trained on.
    Raises:
        OptionError
    """
    _require_plain(condition)
    _require_batch(objects, batch)
    if condition.views == 1 and condition.augment == "none":
        raise OptionError(
            "contrastive: found 1 view and augment 'none', so that both fields of a pair would be the same; "
            "use 2 or more views, or an augmentation"
        )


def _require_plain(condition: "Condition") -> None:
    if condition.reweight != "none" or condition.damp:
        raise OptionError(
            "contrastive: found reweight or damp, which are for the task classify; leave them out"
        )


def _require_batch(objects: int, batch: int) -> None:
    if not 4 <= batch <= 2 * objects:
        expected = f"expected 4 to {2 * objects}" if objects > 1 else "take more objects"
        raise OptionError(
            f"batch: found {batch} records a step, two of each object, of {objects} objects to train on; "
            + expected
        )


class _Projection(nn.Module):
    """What the loss is taken behind, and is thrown away: two linear layers, with batch normalization.

    As SimCLR's released code has it: after either layer, and the last one without a bias. Here it is before
    the first layer too: fresh invariant readers give features that are nearly the same for all fields.
    Without it, readers fall to features that are the same for all, at a loss of ``log(batch - 1)``.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(features, affine=False),
            Linear(features, features),
            nn.BatchNorm1d(features, affine=False),
            nn.ReLU(),
            Linear(features, _PROJECTED, bias=False),
            nn.BatchNorm1d(_PROJECTED, affine=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) to (B, 64)."""
        projected: Tensor = self.layers(features)
        return projected


def _contrast(
    reader: "Reader", fields: "Fields", pairs: Pairs, training: Training, seed: int
) -> tuple[list[float], float, float]:
    """Train in place; the loss of every step, and the seconds of all steps and of getting their batches."""
    projection = _Projection(reader.features)
    draw_parameters(projection, torch.Generator().manual_seed(derive_seed(seed, "projection")))
    head = {*reader.head.parameters()}
    trained = [parameter for parameter in reader.parameters() if parameter not in head]
    rate = reader.lr if training.lr is None else training.lr
    optimizer = torch.optim.AdamW([*trained, *projection.parameters()], rate, weight_decay=WEIGHT_DECAY)
    losses: list[float] = []
    source = _endless(pairs)
    loading, begun = 0.0, perf_counter()
    reader.train()
    for step in range(1, training.steps + 1):
        asked = perf_counter()
        epoch, first, second = next(source)
        # Two epochs of the transform, so that a record beside itself is augmented in two ways.
        views = fields.batch(first, 2 * epoch), fields.batch(second, 2 * epoch + 1)
        both = torch.cat([view.weights for view in views])
        loading += perf_counter() - asked
        now = scheduled(rate, step, training.steps)
        for group in optimizer.param_groups:
            group["lr"] = now
        projected = projection(reader.embed(both))
        loss = nt_xent(projected[: len(first)], projected[len(first) :])
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise not_finite(reader.name, step, now)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return losses, perf_counter() - begun, loading


def _endless(pairs: Pairs) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    epoch = 0
    while True:
        for first, second in pairs.batches(epoch):
            yield epoch, first, second
        epoch += 1


def _probe(
    reader: "Reader", fields: "Fields", pairs: Pairs, validation: "Fields", test: "Fields"
) -> ProbeScore:
    return linear_probe(
        _features(reader, fields, pairs.starts[:-1]),
        _features(reader, validation, np.arange(len(validation))),
        _features(reader, test, np.arange(len(test))),
    )


def _features(reader: "Reader", fields: "Fields", index: NDArray[np.int64]) -> "Labelled":
    """Features (n, F) of fields as they are in the store, and their classes (n,)."""
    parts = [reader.embed(batch.weights).numpy() for batch in at_test(reader, fields, index)]
    return np.concatenate(parts), fields.label[index]

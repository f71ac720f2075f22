"""One instance of every augmentation, with settings that do something, for fields of any shape."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.augment.align_to import AlignTo
from neuralviews.augment.base import Augmentation
from neuralviews.augment.batch import Batch, SoftLabels
from neuralviews.augment.geometry import AffineCoords, SdfScale
from neuralviews.augment.labels import LabelSmoothing
from neuralviews.augment.masking import Dropout, Masking, QuantileMasking
from neuralviews.augment.mixup import AlignedMixUp, MixUp
from neuralviews.augment.noise import GaussianNoise, MultiplicativeNoise
from neuralviews.augment.output import AffineOutput
from neuralviews.augment.repair import Repair
from neuralviews.augment.self_mixup import SelfMixUp
from neuralviews.augment.symmetry import Permutation, PhaseShift, RandomSymmetry, SignFlip
from neuralviews.augment.target import Target
from neuralviews.draws import Draws
from neuralviews.field import FieldSpec
from neuralviews.fit.init import initial_weights

from .pairs import SPEC, draws_for, pairs

DISTANCES = FieldSpec([3, 7, 4, 6, 1], omega=[25.0, 9.0, 12.0], output_offset=0.1)


def affine_coords(spec: FieldSpec) -> Augmentation:
    step = AffineCoords(translate=0.3, scale=(0.7, 1.4), flip=("x",))
    if spec.in_dim == 2:
        return replace(step, rotate=30.0, flip=("x", "y"), quarter_turns=True)
    return replace(step, rotate_3d=180.0, quarter_turns=True) if spec.in_dim == 3 else step


def affine_output(spec: FieldSpec) -> Augmentation:
    step = AffineOutput(brightness=0.2, contrast=(0.5, 1.5), invert=0.5)
    return replace(step, grey=0.5, mix_channels=0.3) if spec.out_dim >= 3 else step


def align_to(spec: FieldSpec) -> Augmentation:
    return AlignTo.of(initial_weights(spec, "siren", [77])[0])


STEPS: dict[str, Callable[[FieldSpec], Augmentation]] = {
    "permutation": lambda _: Permutation(),
    "sign_flip": lambda _: SignFlip(0.4),
    "phase_shift": lambda _: PhaseShift(0.8, -4, 3),
    "random_symmetry": lambda _: RandomSymmetry(max_phase=2),
    "affine_coords": affine_coords,
    "sdf_scale": lambda _: SdfScale(),
    "affine_output": affine_output,
    "gaussian_noise": lambda _: GaussianNoise(0.1),
    "multiplicative_noise": lambda _: MultiplicativeNoise(0.1),
    "masking": lambda _: Masking(0.3),
    "dropout": lambda _: Dropout(0.3),
    "quantile_masking": lambda _: QuantileMasking(0.5),
    "label_smoothing": lambda _: LabelSmoothing(0.2),
    "mixup": lambda _: MixUp(permute=True),
    "aligned_mixup": lambda _: AlignedMixUp(law="uniform"),
    "self_mixup": lambda _: SelfMixUp((SignFlip(), GaussianNoise())),
    "align_to": align_to,
    "repair": lambda _: Repair(steps=3),
}
NOTHING_DRAWN = {"align_to", "label_smoothing", "repair"}


def case(name: str, n: int = 6, first: int = 0) -> tuple[Augmentation, Batch, Draws]:
    """An augmentation, rows ``first`` and on for it, and their streams."""
    spec = DISTANCES if name == "sdf_scale" else SPEC
    batch = pairs(spec, n, first)
    if name == "repair":  # fields that no longer render what their sources do
        source = Target.of_parent(n, spec.in_dim, spec.out_dim)
        batch = replace(batch, weights=np.float32(0.9) * batch.weights, target=source)
        batch.weights.flags.writeable = False
    return STEPS[name](spec), batch, draws_for(batch, first)


def rows_of(batch: Batch, rows: NDArray[np.int64]) -> Batch:
    """The chosen rows of a batch, partners included; a target must be the source itself."""
    labels = SoftLabels(batch.labels.classes[rows], batch.labels.shares[rows])
    partner = None if batch.partner is None else rows_of(batch.partner, rows)
    target, spec = batch.target, batch.spec
    return replace(
        batch,
        weights=batch.weights[rows],
        source=batch.source[rows],
        labels=labels,
        partner=partner,
        target=None if target is None else Target.of_parent(len(rows), spec.in_dim, spec.out_dim),
    )


@st.composite
def specs(draw: st.DrawFn, most_outputs: int = 4) -> FieldSpec:
    """Fields of 2 to 5 affine layers, 1 to 3 coordinates, and frequencies of their own."""
    hidden = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    dims = [draw(st.integers(1, 3)), *hidden, draw(st.integers(1, most_outputs))]
    omega = [draw(st.floats(1, 45)) for _ in hidden]
    offset, scale = draw(st.floats(-1, 1)), draw(st.floats(0.25, 4))
    return FieldSpec(dims, omega, offset, scale, draw(st.sampled_from(["xy", "ij"])))

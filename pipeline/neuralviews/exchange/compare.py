"""Fields against the images that they are said to be of: how good they are, and which conventions fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SourceError
from ..field import FieldSpec
from ..field_values import field_values
from ..fit.engine import psnr_from_loss
from ..grids import image_grid
from .convention import Convention
from .layers import Dims, dims_text

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..signals.catalogue import Source

__all__ = ["Comparison", "Measured", "Trial", "best_convention"]

SAMPLE = 96
"""Fields that every convention is tried on."""
_IN_FLIGHT = 1 << 21
"""Numbers of images that are held at a time: 16 MiB in float64, however large the images are."""
_CLEARLY = 3.0
"""dB by which a convention must be better than the stated one before it is believed instead."""
_BETTER_THAN_FLAT = 1.0
"""dB by which fields must be better than the mean colour of their image, or they are not of it."""
_LIKENESS = 40.0
"""dB from which fields are of their image all the same: one of hardly more than one colour."""
_OFFSETS: tuple[tuple[float, tuple[float, float]], ...] = (
    (0.5, (0.0, 1.0)),
    (0.0, (0.0, 1.0)),
    (0.0, (-1.0, 1.0)),
    (0.5, (-1.0, 1.0)),
)
"""Output offsets and target ranges that are in use."""


class Measured(NamedTuple):
    """Quality of k fields: mean squared errors in the target range, float32, and PSNR in dB of these."""

    loss: NDArray[np.float32]
    psnr: NDArray[np.float32]


@dataclass(frozen=True)
class Comparison:
    """A recipe's source, as what fields are compared with.

    Args:
        recipe: its source has the objects that the fields are of, by number.
    """

    recipe: "Recipe"
    source: "Source"

    def require(self, dims: Dims, object_id: NDArray[np.uint32], label: NDArray[np.int32]) -> None:
        """Refuse fields that cannot be of these images: other sizes, numbers or labels.

        Raises:
            SourceError: says which.
        """
        spec, objects, name = self.recipe.spec, self.source.objects, self.recipe.name
        if (dims[0], dims[-1]) != (2, spec.out_dim) or self.recipe.shape is not None:
            raise SourceError(
                f"recipe {name}: its source has images of {spec.out_dim} channels, found fields "
                f"{dims_text(dims)}; name the recipe whose source they are of, or leave --source-root out"
            )
        place = np.minimum(np.searchsorted(objects.object_id, object_id), len(objects) - 1)
        unknown = objects.object_id[place] != object_id
        if unknown.any():
            raise SourceError(
                f"recipe {name}: its source has no object {object_id[int(np.argmax(unknown))]}, "
                "of which there are fields; name the recipe that the fields' source is of"
            )
        other = (label >= 0) & (objects.label[place] >= 0) & (objects.label[place] != label)
        if other.any():
            row = int(np.argmax(other))
            raise SourceError(
                f"recipe {name}: object {object_id[row]} of its source has label "
                f"{objects.label[place][row]}, the field of it {label[row]} ({int(other.sum()):,} of "
                f"{len(label):,} differ): the fields are numbered otherwise, or of another source"
            )

    def measure(
        self, spec: FieldSpec, convention: Convention, weights: NDArray[np.float32], objects: Sequence[int]
    ) -> Measured:
        """Quality of fields, each against its image.

        Args:
            weights: (k, P); ``objects``: the object of each.
        """
        loss = np.empty(len(weights), np.float32)
        for shape, rows in self._by_shape(objects, spec.out_dim):
            points = image_grid(*shape, spec.axis_order)
            images = np.stack([self._image(objects[row]) for row in rows])
            values = field_values(spec, weights[rows], points[None])
            loss[rows] = errors(convention, values, images)
        return Measured(loss, psnr_from_loss(loss, span(convention)))

    def flat(self, convention: Convention, objects: Sequence[int]) -> float:
        """Median PSNR in dB of images that are their own mean colour throughout."""
        found = []
        for number in objects:
            image = self._image(number)[None]
            mean = image.mean(axis=1, keepdims=True).repeat(image.shape[1], axis=1)
            low, high = convention.target_range or (0.0, 1.0)
            found.append(
                errors(replace(convention, mean=None, std=None), low + (high - low) * mean, image)[0]
            )
        return float(np.median(psnr_from_loss(np.array(found, np.float32), span(convention))))

    def _image(self, object_id: int) -> NDArray[np.float64]:
        """Pixels (p, c) between 0 and 1."""
        low, high = self.recipe.target.range
        values = self.source.signal(int(object_id)).values
        return (values.astype(np.float64) - low) / (high - low)

    def _by_shape(
        self, objects: Sequence[int], channels: int
    ) -> Iterator[tuple[tuple[int, int], NDArray[np.intp]]]:
        """Places of objects whose images are of one shape, no more of them than fit into the memory."""
        shapes = [self.source.image_shape(int(number)) for number in objects]
        for shape in sorted({shape for shape in shapes if shape is not None}):
            rows = np.flatnonzero([found == shape for found in shapes])
            size = max(1, _IN_FLIGHT // (shape[0] * shape[1] * channels))
            for start in range(0, len(rows), size):
                yield shape, rows[start : start + size]


def span(convention: Convention) -> float:
    """Width of the target range: the peak of PSNRs."""
    low, high = convention.target_range or (0.0, 1.0)
    return high - low


def errors(
    convention: Convention, values: NDArray[np.floating], images: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Mean squared errors (k,) in the target range, any normalisation of channels taken back.

    Args:
        values: (k, p, c) as fields give them; ``images``: (k, p, c) between 0 and 1.
    """
    found = values.astype(np.float64)
    if convention.mean is not None and convention.std is not None:
        found = found * np.array(convention.std) + np.array(convention.mean)
    low, _ = convention.target_range or (0.0, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = ((found - (low + span(convention) * images)) ** 2).mean(axis=(1, 2))
    largest = float(np.finfo(np.float32).max)
    loss: NDArray[np.float32] = np.nan_to_num(squares, nan=largest, posinf=largest).astype(np.float32)
    return loss


@dataclass(frozen=True)
class Trial:
    """A convention, and the median PSNR in dB of the fields that it was tried on."""

    convention: Convention
    psnr: float

    def __str__(self) -> str:
        found = self.convention
        low, high = found.target_range or (0.0, 1.0)
        targets = "normalised by channel" if found.mean is not None else f"[{low:g}, {high:g}]"
        return (
            f"axis order {found.axis_order}, output offset {found.output_offset:g}, targets {targets}: "
            f"{self.psnr:.1f} dB"
        )


def best_convention(
    comparison: Comparison,
    stated: Convention,
    dims: Dims,
    weights: NDArray[np.float32],
    objects: Sequence[int],
) -> tuple[Convention, list[Trial]]:
    """The convention under which fields render their images: the stated one, unless another is clearly
    better.

    Axis orders, output offsets and target ranges are tried, all with the stated omega.

    Args:
        weights: (k, P) of a few fields; ``objects``: the object of each.
    Returns:
        It, and what was tried: first what was taken, then the others, the best first.
    Raises:
        SourceError: under none of them the fields resemble their images.
        OptionError: another than what whoever imports the fields gave is clearly better.
    """
    trials = []
    for convention in _candidates(stated):
        measured = comparison.measure(convention.spec(dims), convention, weights, objects)
        trials.append(Trial(convention, float(np.median(measured.psnr))))
    ranked = sorted(trials, key=lambda trial: -trial.psnr)
    best, own = ranked[0], trials[0]
    least = comparison.flat(best.convention, objects) + _BETTER_THAN_FLAT
    if best.psnr < min(least, _LIKENESS):
        raise SourceError(
            f"recipe {comparison.recipe.name}: no convention makes the fields render the images of its "
            f"source; the best is {best}, where one colour each would do as well: they are of other images, "
            "numbered otherwise, or of another omega (--omega); leave --source-root out to import them "
            "unmeasured"
        )
    if best is own or best.psnr < own.psnr + _CLEARLY:
        return stated, [own, *(trial for trial in ranked if trial is not own)]
    found = best.convention
    changed = {
        name: getattr(found, name)
        for name in ("axis_order", "output_offset", "target_range")
        if getattr(found, name) != getattr(stated, name)
    }
    if found.mean is None and stated.mean is not None:
        changed["target_range"] = found.target_range
    given = [name for name in changed if stated.origin.get(name) == "given"]
    if given:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(
            f"{options}: found {own} as given, but {best} fits clearly better; leave {options} out, "
            "or leave --source-root out to import the fields as you say, unmeasured"
        )
    return stated.said("measured", **changed), ranked


def _candidates(stated: Convention) -> Iterator[Convention]:
    """The stated convention first, then the others that are in use."""
    seen = []
    offsets = [(stated.output_offset, stated.target_range, stated.mean, stated.std)]
    offsets += [(offset, targets, None, None) for offset, targets in _OFFSETS]
    for axis_order in (stated.axis_order, "ij" if stated.axis_order == "xy" else "xy"):
        for offset, targets, mean, std in offsets:
            found = replace(
                stated, axis_order=axis_order, output_offset=offset, target_range=targets, mean=mean, std=std
            )
            key = (axis_order, offset, targets, mean, std)
            if key not in seen:
                seen.append(key)
                yield found

"""The interface of fit engines: what goes in, what comes out, and what every engine promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from ..portable import LN10, exp10, log, log10
from .method import Method

__all__ = ["Budget", "Engine", "FitResult", "Signals", "check_inputs", "psnr_from_loss"]

MOST_POINTS = 1 << 32
"""Points are drawn by the upper 32 bits of a word, so signals and minibatches have fewer than these."""


@dataclass(frozen=True)
class Signals:
    """Signals sampled at the same coordinates.

    Args:
        coords: (p, d) float32, C-contiguous.
        values: (n, p, c) float32, C-contiguous: the targets of n fits.
        span: width of the target range (1 for [0, 1], 2 for [-1, 1]): the peak of the PSNR.
        keys: (n,) uint64, the stream of each fit that its minibatches and noise are drawn from; None if none
            are.
    """

    coords: NDArray[np.float32]
    values: NDArray[np.float32]
    span: float
    keys: NDArray[np.uint64] | None = None

    def __post_init__(self) -> None:
        for name, array, rank in (("coords", self.coords, 2), ("values", self.values, 3)):
            if array.dtype != np.float32 or array.ndim != rank or not array.flags.c_contiguous:
                raise SpecError(
                    f"signals: {name} is {array.dtype} {array.shape}, expected contiguous float32"
                )
        if self.values.shape[1] != len(self.coords) or not len(self.coords):
            raise SpecError(f"signals: {self.values.shape[1]} values for {len(self.coords)} coordinates")
        count = len(self.values)
        if self.keys is not None and (self.keys.dtype != np.uint64 or self.keys.shape != (count,)):
            raise SpecError(
                f"signals: keys is {self.keys.dtype} {self.keys.shape}, expected uint64 {(count,)}"
            )


@dataclass(frozen=True)
class Budget:
    """How long and how fast to fit, by Adam (betas 0.9, 0.999, eps 1e-8).

    Args:
        steps: at most this many updates, at least 1.
        lr: learning rate of the first step.
        schedule: ``"constant"``, or ``"cosine"`` from ``lr`` towards 0 over ``steps``.
        target_psnr: stop a field as soon as its weights reach this many dB; None runs all steps.
        keep_best: return the best weights seen rather than the last, against late spikes.
        points: each step's loss is that of this many points of the signal, drawn with replacement; see
            `minibatch.drawn_points`. None takes all points in every step.
        loss: what is minimised: ``"mse"``, the mean squared error; or ``"bce"``, the binary cross-entropy,
            in which the field gives the sigmoid of its output, and targets lie in [0, 1].
        method: what is done beside that; None fits plainly. Where steps see other numbers than the weights, a
            target and ``keep_best`` have the weights measured in each step too, which costs a forward more.
    Raises:
        SpecError: ``points`` is not from 1 to 2**32 - 1, or stands beside ``target_psnr`` or
            ``keep_best``: a step's points do not tell how good a field is.
    """

    steps: int
    lr: float
    schedule: Literal["constant", "cosine"] = "constant"
    target_psnr: float | None = None
    keep_best: bool = False
    points: int | None = None
    loss: Literal["mse", "bce"] = "mse"
    method: Method | None = None

    def __post_init__(self) -> None:
        if self.points is None:
            return
        if not 1 <= self.points < MOST_POINTS:
            raise SpecError(f"budget: found {self.points} points a step, expected 1 to {MOST_POINTS - 1}")
        if self.target_psnr is not None or self.keep_best:
            raise SpecError(
                f"budget: found target_psnr={self.target_psnr} and keep_best={self.keep_best}, expected "
                f"neither beside points={self.points}: a step's points do not tell how good a field is"
            )

    @property
    def changes(self) -> bool:
        """Whether steps see other numbers than the weights, see `Method`."""
        return self.method is not None and self.method.changes

    @property
    def judges(self) -> bool:
        """Whether each step must know how good the weights themselves are."""
        return self.target_psnr is not None or self.keep_best

    @property
    def measures_last(self) -> bool:
        """Whether the weights are measured after the last step alone: the losses of steps are not theirs."""
        return self.points is not None or (self.changes and not self.judges)

    @property
    def draws(self) -> bool:
        """Whether steps draw numbers: a fit then needs a key."""
        return self.points is not None or (self.method is not None and self.method.sigma is not None)

    def target_loss(self, span: float) -> float:
        """The mean squared error at `target_psnr`; -1, which no loss reaches, without a target."""
        if self.target_psnr is None:
            return -1.0
        return span * span * exp10(-self.target_psnr / 10)


@dataclass(frozen=True)
class FitResult:
    """What a fit returns, one row per signal.

    Args:
        weights: (n, P) float32, flat, always finite.
        loss: (n,) float32, mean squared error of what exactly these weights give, measured after the last
            step over all points of the signal, whatever was minimised.
        psnr: (n,) float32, of this loss.
        steps: (n,) uint32, updates behind these weights; of a diverged field, those run until it was seen.
        status: (n,) uint8, `Status`. ``diverged`` means that a measured loss was not finite; the
            weights are then the initial ones, and psnr and loss are theirs (the largest float32 stands
            for a loss that is not finite).
    """

    weights: NDArray[np.float32]
    psnr: NDArray[np.float32]
    loss: NDArray[np.float32]
    steps: NDArray[np.uint32]
    status: NDArray[np.uint8]


class Engine(Protocol):
    """Fits fields to signals. A field's result depends on its own signal, key, init and budget alone.

    Attributes:
        name: what ``--engine`` calls it.
        arithmetic: everything that decides the bits of its results beside the inputs, as names and
            versions; it goes into the job, so that stores of different arithmetic never mix.
        batch: how many fields to hand over at a time; it never changes a result.
        place: what it fits on: ``"cpu"``, or a device of torch.
    """

    name: str
    batch: int

    @property
    def place(self) -> str: ...

    @property
    def arithmetic(self) -> Mapping[str, str | int]: ...

    def refuses(self, spec: FieldSpec, budget: Budget) -> str | None:
        """Why this engine cannot fit such fields, or None. The reason completes "engine 'x' ..."."""
        ...

    def fit(self, spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> FitResult:
        """Fit row i of ``signals.values`` from ``inits[i]``, (n, P) float32; the inputs are not written to.

        Raises:
            EngineError: `refuses` gives a reason.
            SpecError: shapes do not fit the spec, or minibatches have no keys to be drawn from.
        """
        ...


def check_inputs(spec: FieldSpec, signals: Signals, inits: NDArray[np.float32], budget: Budget) -> None:
    """Raise SpecError unless signals and initial weights fit the spec, the budget and each other."""
    dims = (signals.coords.shape[1], signals.values.shape[2])
    if dims != (spec.in_dim, spec.out_dim):
        raise SpecError(
            f"signals: found {dims} coordinates and channels, expected {spec.in_dim, spec.out_dim}"
        )
    expected = (len(signals.values), spec.parameters)
    if inits.dtype != np.float32 or inits.shape != expected:
        raise SpecError(f"inits: found {inits.dtype} {inits.shape}, expected float32 {expected}")
    if budget.method is not None:
        budget.method.require(spec)
    if budget.draws and signals.keys is None:
        drawn = "noise" if budget.points is None else f"{budget.points} points"
        raise SpecError(
            f"signals: found no keys, expected uint64 {(len(inits),)}: "
            f"the {drawn} of a step are drawn from them"
        )
    if budget.points is not None and len(signals.coords) >= MOST_POINTS:
        raise SpecError(
            f"signals: found {len(signals.coords)} coordinates, expected at most {MOST_POINTS - 1} "
            "to draw minibatches from"
        )


def psnr_from_loss(loss: NDArray[np.float32], span: float) -> NDArray[np.float32]:
    """Peak signal-to-noise ratio in dB of finite mean squared errors; a loss of 0 gives 999 dB."""
    positive = np.where(loss <= 0, 1, loss.astype(np.float64))
    values = 10 * (2 * log10(span) - log(positive) / LN10)
    return np.minimum(np.where(loss <= 0, 999.0, values), 999.0).astype(np.float32)

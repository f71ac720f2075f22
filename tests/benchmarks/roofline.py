"""The measured rates of one core, and what the arithmetic of a fit costs at these, one part after another.

Two kinds of work make up a fit: fused multiply-adds, for the matrix products, and `sincospi`, for the
activations. Each rate is measured by the instructions that the engine itself emits, with every operand
in a register and enough independent work in flight to hide all latency.

The floor is the sum of both times, so it is a model and no proof. Both kinds compete for the same
units, but `sincospi` also has instructions that others may execute: on one CPU, a loop that
interleaves the two was measured to take about 1 % less than the sum.
"""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit

from neuralviews.field import FieldSpec
from neuralviews.vector.emit import Emitter, Value, blocking, kernel

__all__ = ["Roofline", "floor_seconds", "measure_roofline", "multiply_adds"]

FMA_CHAINS = 12  # two pipes with latency 5 need 10; with both factors they fit 16 registers
FMA_UNROLL = 4
SINCOS_CHAINS = 8
ROUNDS = 100_000
TRIALS = 7


@dataclass(frozen=True)
class Roofline:
    """What one core was measured to do: 1e9 flops (an fma is two) and 1e9 sine-cosine pairs a second."""

    fma_gflops: float
    sincos_gpairs: float


def floor_seconds(roofline: Roofline, spec: FieldSpec, points: int, steps: int) -> float:
    """Time of ``steps`` gradient steps of ``points`` each, one kind of work after the other at its rate.

    Counted: `multiply_adds`, and one sine-cosine pair a hidden unit. Overlapping the two kinds could save
    about 1 % of the sum.
    """
    pairs = points * sum(spec.dims[1:-1])
    multiplying = 2e-9 * multiply_adds(spec, points) / roofline.fma_gflops
    return steps * (multiplying + 1e-9 * pairs / roofline.sincos_gpairs)


def multiply_adds(spec: FieldSpec, points: int) -> int:
    """Those of a step: of all layers forward, gradients of all weights, and of all inputs but coordinates."""
    layers = [fan_in * fan_out for fan_in, fan_out in zip(spec.dims, spec.dims[1:], strict=False)]
    return points * (3 * sum(layers) - layers[0])


def measure_roofline() -> Roofline:
    """Measure both rates now, in CPU time of this thread; the best of a few short trials is the ceiling."""
    fma_rounds, sincos_rounds = _compiled()
    lanes = blocking().lanes
    fma_rate = _best_rate(fma_rounds, FMA_CHAINS * FMA_UNROLL * lanes)
    return Roofline(2e-9 * fma_rate, 1e-9 * _best_rate(sincos_rounds, SINCOS_CHAINS * lanes))


def _best_rate(rounds: Callable[..., None], operations: int) -> float:
    data = np.linspace(0.1, 0.9, 1024, dtype=np.float32)
    fastest = np.inf
    for _ in range(TRIALS):
        began = time.thread_time()
        rounds(data, ROUNDS)
        fastest = min(fastest, time.thread_time() - began)
    return operations * ROUNDS / fastest


@kernel
def fma_chains(e: Emitter, data: Any, rounds: Value) -> None:
    """x = x / 2 + 1 in every chain, which settles at 2."""
    half, one = e.splat(0.5), e.splat(1.0)
    chains = [e.variable(e.load(data, e.index(i * e.lanes))) for i in range(FMA_CHAINS)]
    with e.loop(0, rounds):
        for _ in range(FMA_UNROLL):
            for chain in chains:
                chain.set(e.fma(chain.get(), half, one))
    for i, chain in enumerate(chains):
        e.store(chain.get(), data, e.index(i * e.lanes))


@kernel
def sincos_chains(e: Emitter, data: Any, rounds: Value) -> None:
    """x = sin(pi x) in every chain, and nothing else: what keeps the cosines is no instruction."""
    chains = [e.variable(e.load(data, e.index(i * e.lanes))) for i in range(SINCOS_CHAINS)]
    with e.loop(0, rounds):
        for chain in chains:
            sine, cosine = e.sincospi(chain.get())
            chain.set(sine)
            _keep(e, cosine)
    for i, chain in enumerate(chains):
        e.store(chain.get(), data, e.index(i * e.lanes))


def _keep(e: Emitter, vector: Value) -> None:
    """Have a vector in a register, by an empty piece of assembly: LLVM may then not leave it out."""
    register = "w" if platform.machine() in ("aarch64", "arm64") else "v"
    e.builder.asm(ir.FunctionType(ir.VoidType(), [e.vector]), "", register, [vector], True)


@cache
def _compiled() -> tuple[Callable[..., None], Callable[..., None]]:
    @njit("void(float32[::1], int64)")
    def fma_rounds(data, rounds):  # type: ignore[no-untyped-def]
        fma_chains(data, rounds)

    @njit("void(float32[::1], int64)")
    def sincos_rounds(data, rounds):  # type: ignore[no-untyped-def]
        sincos_chains(data, rounds)

    return fma_rounds, sincos_rounds

"""Explicit vector instructions inside numba functions: all use of LLVM's intermediate language is here.

numba alone leaves the choice and the order of vector instructions to an optimiser. The kernels of
this package say instead which instruction runs, and LLVM only allocates registers: a fused
multiply-add stays one, a multiplication and an addition stay two, and nothing is reassociated.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .sigmoid import EXP, LN2, LOG2_E, MOST, ONE
from .sincospi import COS_PI, ROUND_TO_INTEGER, SIN_PI

__all__ = ["Blocking", "Emitter", "Variable", "blocking", "fma", "kernel"]

FLOAT = ir.FloatType()
INDEX = ir.IntType(64)
BITS = ir.IntType(32)
Value = Any  # llvmlite has no types


@dataclass(frozen=True)
class Blocking:
    """How work is cut for the registers of a machine; it never changes a result.

    Args:
        lanes: float32 numbers in a vector.
        rows, columns: accumulators of a matrix product, rows x columns vectors, all in registers.
    """

    lanes: int
    rows: int
    columns: int


@cache
def blocking() -> Blocking:
    """The blocking for the CPU that numba compiles for (``NUMBA_CPU_NAME`` included).

    LLVM is asked to compile one 512-bit operation, and the registers it uses tell the width: this
    needs no list of CPU names. A CPU that was named is taken by its name, although numba lets LLVM
    use what the real one has beyond it (unless ``NUMBA_CPU_FEATURES`` says otherwise).
    """
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    if config.CPU_NAME and config.CPU_FEATURES is None:
        features = ""
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    vector = ir.VectorType(FLOAT, 16)
    module = ir.Module()
    probe = ir.Function(module, ir.FunctionType(vector, [vector, vector]), "probe")
    builder = ir.IRBuilder(probe.append_basic_block())
    builder.ret(builder.fadd(*probe.args))
    assembly = machine.emit_assembly(llvm.parse_assembly(str(module)))
    if "zmm" in assembly:
        return Blocking(lanes=16, rows=8, columns=2)
    if "ymm" in assembly:
        return Blocking(lanes=8, rows=4, columns=2)
    return Blocking(lanes=4, rows=4, columns=4)


def _call_fma(builder: Value, a: Value, b: Value, c: Value) -> Value:
    kind = a.type
    suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    declared = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.{suffix}"
    )
    return builder.call(declared, [a, b, c])


class Variable:
    """A value that changes inside loops; LLVM keeps it in a register."""

    def __init__(self, builder: Value, initial: Value) -> None:
        self._builder = builder
        self._slot = cgutils.alloca_once(builder, initial.type)
        self.set(initial)

    def get(self) -> Value:
        return self._builder.load(self._slot)

    def set(self, value: Value) -> None:
        self._builder.store(value, self._slot)


class Emitter:
    """Writes vector code at the current place of a function.

    Arrays are pointers here. Indices count float32 numbers; a vector begins at any index.
    """

    def __init__(self, builder: Value, lanes: int) -> None:
        self.builder = builder
        self.lanes = lanes
        self.vector = ir.VectorType(FLOAT, lanes)

    def index(self, *terms: Value) -> Value:
        """The sum of indices, each a value or an int."""
        total, *rest = (x if isinstance(x, ir.Value) else ir.Constant(INDEX, x) for x in terms)
        for term in rest:
            total = self.builder.add(total, term)
        return total

    def times(self, a: Value, b: Value | int) -> Value:
        """The product of two indices."""
        return self.builder.mul(a, self.index(b))

    def round_down(self, count: Value, step: int) -> Value:
        """The largest multiple of ``step``, a power of two, that is at most ``count``."""
        return self.builder.and_(count, self.index(-step))

    def load_scalar(self, array: Value, at: Value) -> Value:
        return self.builder.load(self._address(array, at, FLOAT))

    def load(self, array: Value, at: Value) -> Value:
        return self.builder.load(self._address(array, at, self.vector), align=4)

    def store(self, value: Value, array: Value, at: Value) -> None:
        self.builder.store(value, self._address(array, at, self.vector), align=4)

    def store_scalar(self, value: Value, array: Value, at: Value) -> None:
        self.builder.store(value, self._address(array, at, FLOAT))

    def _address(self, array: Value, at: Value, kind: Value) -> Value:
        return self.builder.bitcast(self.builder.gep(array, [at], source_etype=FLOAT), kind.as_pointer())

    def splat(self, number: Value | float) -> Value:
        """A vector with ``number`` in every lane."""
        if not isinstance(number, ir.Value):
            return ir.Constant(self.vector, [float(number)] * self.lanes)
        empty = ir.Constant(ir.VectorType(number.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(empty, number, ir.Constant(BITS, 0))
        return self.shuffle(first, first, [0] * self.lanes)

    def shuffle(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """The chosen lanes of ``a`` followed by ``b``."""
        mask = ir.Constant(ir.VectorType(BITS, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, mask)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        return _call_fma(self.builder, a, b, c)

    def add(self, a: Value, b: Value) -> Value:
        return self.builder.fadd(a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        return self.builder.fsub(a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        return self.builder.fmul(a, b)

    def divide(self, a: Value, b: Value) -> Value:
        return self.builder.fdiv(a, b)

    def square_root(self, a: Value) -> Value:
        name = f"llvm.sqrt.v{self.lanes}f32"
        kind = ir.FunctionType(self.vector, [self.vector])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a])

    def variable(self, initial: Value) -> Variable:
        return Variable(self.builder, initial)

    @contextmanager
    def loop(self, start: Value | int, stop: Value, step: int = 1) -> Iterator[Value]:
        """Run the body for every index from ``start`` below ``stop``."""
        bounds = self.index(start), self.index(stop), self.index(step)
        with cgutils.for_range_slice(self.builder, *bounds, intp=INDEX) as (at, _):
            yield at

    @contextmanager
    def when_equal(self, a: Value, b: int) -> Iterator[None]:
        """Run the body if two indices are equal."""
        with self.builder.if_then(self.builder.icmp_signed("==", a, self.index(b))):
            yield

    def sincospi(self, t: Value) -> tuple[Value, Value]:
        """Sine and cosine of pi t; `fit.ordered.sincospi` is the oracle."""
        magic = self.splat(ROUND_TO_INTEGER)
        shifted = self.add(t, magic)
        r = self.subtract(t, self.subtract(shifted, magic))
        q = self.multiply(r, r)
        integers = ir.VectorType(BITS, self.lanes)
        sign = self.builder.shl(
            self.builder.bitcast(shifted, integers), ir.Constant(integers, [31] * self.lanes)
        )
        sine = self.multiply(self._horner(SIN_PI, q), r)
        flipped = (
            self.builder.xor(self.builder.bitcast(x, integers), sign) for x in (sine, self._horner(COS_PI, q))
        )
        sine, cosine = (self.builder.bitcast(x, self.vector) for x in flipped)
        return sine, cosine

    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + exp(-x)); `fit.ordered.sigmoid` is the oracle."""
        low, high = self.splat(-MOST), self.splat(MOST)
        t = self.builder.fneg(x)
        t = self.builder.select(self.builder.fcmp_ordered("<", t, low), low, t)
        t = self.builder.select(self.builder.fcmp_ordered(">", t, high), high, t)
        magic = self.splat(ROUND_TO_INTEGER)
        shifted = self.fma(t, self.splat(LOG2_E), magic)
        minus_n = self.subtract(magic, shifted)
        r = t
        for part in LN2:
            r = self.fma(minus_n, self.splat(part), r)
        integers = ir.VectorType(BITS, self.lanes)
        exponent = self.builder.shl(
            self.builder.bitcast(shifted, integers), ir.Constant(integers, [23] * self.lanes)
        )
        power = self.builder.bitcast(
            self.builder.add(exponent, ir.Constant(integers, [ONE] * self.lanes)), self.vector
        )
        one = self.splat(1.0)
        value = self.divide(one, self.fma(self._horner(EXP, r), power, one))
        return self.add(value, self.subtract(x, x))

    def _horner(self, coefficients: Sequence[float], q: Value) -> Value:
        *lower, highest = map(self.splat, coefficients)
        value = highest
        for coefficient in reversed(lower):
            value = self.fma(q, value, coefficient)
        return value


def kernel(emit: Callable[..., None]) -> Any:
    """Turn ``emit(emitter, *operands)`` into a function that numba code calls; it returns nothing.

    Callers pass numbers, flat arrays of float32, and ``(array, place)`` for what begins at a place of
    an array; the emitting function gets the numbers, and pointers for the others.
    """

    def define(_typing: Any, *arguments: Any) -> Any:
        def generate(context: Any, builder: Value, signature: Any, values: Sequence[Value]) -> Value:
            def operand(kind: Any, value: Value) -> Value:
                if isinstance(kind, types.Array):
                    return context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.BaseTuple):
                    array, place = (builder.extract_value(value, i) for i in range(2))
                    return builder.gep(operand(kind[0], array), [place], source_etype=FLOAT)
                return value

            operands = map(operand, signature.args, values)
            emit(Emitter(builder, blocking().lanes), *operands)
            return context.get_dummy_value()

        return types.void(*arguments), generate

    define.__name__ = emit.__name__
    define.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]  # numba reads the operands' names
    return intrinsic(define)


def _define_fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(_context: Any, builder: Value, _signature: Any, values: Sequence[Value]) -> Value:
        return _call_fma(builder, *values)

    return types.float32(types.float32, types.float32, types.float32), generate


fma = intrinsic(_define_fma)
